"""`manage.py web`: the web server."""

from operations.management.programs import ProgramCommand


class Command(ProgramCommand):
    help = "Runs the web server. The environment sets its sizes; arguments go to gunicorn: --bind unix:/run/kontor.sock"
    module = "gunicorn"

    def arguments(self) -> list[str]:
        return ["--config", "python:operations.gunicorn", "config.wsgi"]
