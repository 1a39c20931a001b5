"""`manage.py beat`: the scheduler."""

from pathlib import Path

from django.conf import settings

from operations.management.programs import ProgramCommand


class Command(ProgramCommand):
    help = "Runs the scheduler. Arguments go to Celery: --loglevel WARNING"
    module = "celery"

    def arguments(self) -> list[str]:
        schedule = Path(settings.VAR_DIR) / "beat"
        schedule.parent.mkdir(parents=True, exist_ok=True)
        return ["--quiet", "--app", "config", "beat", "--pidfile=", "--schedule", str(schedule)]
