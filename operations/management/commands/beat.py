"""`manage.py beat`: the scheduler."""

from operations.management.programs import ProgramCommand


class Command(ProgramCommand):
    help = "Runs the scheduler. Arguments go to Celery: --loglevel WARNING"
    module = "celery"

    def arguments(self) -> list[str]:
        return ["--quiet", "--app", "config", "beat", "--pidfile="]
