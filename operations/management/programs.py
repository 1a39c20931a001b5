"""Commands that hand over to the program of a server: gunicorn and Celery, with the apps on the path."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from django.core.management import BaseCommand

_APPS = Path(__file__).resolve().parents[2]
_HELP = frozenset({"-h", "--help"})


class ProgramCommand(BaseCommand):
    """Hands its process over to `python -m module`. The arguments after the command's name are the program's."""

    module: ClassVar[str]
    # The system checks, and everything else, are those of the program, which loads the project itself.
    requires_system_checks = []

    def arguments(self) -> Sequence[str]:
        """Return the arguments of the program that come before the caller's."""
        raise NotImplementedError

    def run_from_argv(self, argv: list[str]) -> None:
        if _HELP.intersection(argv[2:]):
            super().run_from_argv(argv)
        else:
            self._hand_over(argv[2:])

    def handle(self, *args: Any, **options: Any) -> None:
        self._hand_over([])

    def _hand_over(self, options: Sequence[str]) -> None:
        """Replace this process, which keeps its id, its open files and so the sockets that systemd has handed to it."""
        inherited = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(_APPS), *([inherited] if inherited else [])])
        sys.stdout.flush()
        # Of the current directory nothing is imported (-P).
        program = [sys.executable, "-P", "-m", self.module, *self.arguments(), *options]
        os.execv(sys.executable, program)  # noqa: S606 - our own programs; no shell
