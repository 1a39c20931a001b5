"""`manage.py worker`: a worker for imports, exports, mails and webhooks."""

from operations.management.programs import ProgramCommand


class Command(ProgramCommand):
    help = "Runs a worker with two processes. Arguments go to Celery: --concurrency 4"
    module = "celery"

    def arguments(self) -> list[str]:
        return ["--quiet", "--app", "config", "worker", "--concurrency", "2"]
