"""The base of commands that change what is under four eyes."""

import getpass
import shlex
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.actor import Actor, operator_actor, system_actor
from administration.bootstrap import is_bootstrapped
from administration.break_glass import break_glass
from changerequests.models import ChangeRequest
from core.errors import ApiError


class BreakGlassCommand(BaseCommand):
    """A command that breaks the glass, except in the embedded profile and before there are people."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--reason",
            default="",
            help="Why. Required once there are people: all reviewers get a mail, and one reviews it within five days.",
        )

    @property
    def name(self) -> str:
        return self.__class__.__module__.rpartition(".")[2]

    def actor(self, options: dict[str, Any]) -> Actor:
        """Return the actor to act with. Raises CommandError without the reason."""
        return system_actor(self.name) if acts_at_once() else self.break_glass(options["reason"])

    def break_glass(self, reason: str) -> Actor:
        """Record it, mail the reviewers and ask for a review; return the actor to act with.

        Raises CommandError without the reason.
        """
        arguments = shlex.join(sys.argv[2:])
        try:
            return break_glass(command=self.name, arguments=arguments, reason=reason, operator=getpass.getuser())
        except ApiError as error:
            raise CommandError(f"{error} Use --reason.") from error


class FourEyesCommand(BreakGlassCommand):
    """A command whose changes are requests where those of a member would be, unless it is to break the glass."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--break-glass", action="store_true", help="Do it at once, for the reason given.")

    def actor(self, options: dict[str, Any]) -> Actor:
        if acts_at_once():
            return system_actor(self.name)
        if options["break_glass"]:
            return self.break_glass(options["reason"])
        return operator_actor(f"{self.name} by {getpass.getuser()}"[:50])

    def say_that_it_waits(self, request: ChangeRequest) -> None:
        self.stdout.write(f"Nothing is changed yet: change request {request.pk} waits for review.")


def acts_at_once() -> bool:
    """Return whether commands need nobody: in the embedded profile, or before there are people."""
    return settings.EMBEDDED or not is_bootstrapped()
