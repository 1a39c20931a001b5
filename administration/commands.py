"""The base of commands that change what is under four eyes."""

import getpass
import os
import shlex
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.actor import Actor, operator_actor, system_actor
from accounts.models import User
from administration.bootstrap import is_bootstrapped
from administration.break_glass import break_glass
from administration.outcomes import Outcome
from administration.services.rights import change_rights
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
            return break_glass(command=self.name, arguments=arguments, reason=reason, operator=operator_name())
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
        return self.break_glass(options["reason"]) if options["break_glass"] else operator_of(self.name)

    def say_that_it_waits(self, request: ChangeRequest) -> None:
        self.stdout.write(f"Nothing has changed yet: change request {request.pk} is pending review.")


class RightsCommand(FourEyesCommand):
    """A command that changes the rights of one login."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")

    def change(self, options: dict[str, Any], target: Mapping[str, Any], *, done: str, unchanged: str) -> None:
        user = User.objects.filter(username__iexact=options["username"]).first()
        if user is None:
            raise CommandError("There is no login with this username.")
        self.submit(
            lambda actor: change_rights(actor=actor, user_id=user.pk, target=target),
            options,
            done=done,
            unchanged=unchanged,
        )

    def submit(
        self, service: Callable[[Actor], Outcome], options: dict[str, Any], *, done: str, unchanged: str = ""
    ) -> None:
        """Call a service as the command's actor and say what became of it. Raises CommandError."""
        try:
            outcome = service(self.actor(options))
        except ApiError as error:
            raise refused(error) from error
        if outcome.request is not None:
            self.say_that_it_waits(outcome.request)
        else:
            self.stdout.write(done if outcome.made else unchanged)


class OnlyBeforePeople(BaseCommand):
    """Put before a command of a library that gives rights or keys at once: it refuses once there are people."""

    instead: ClassVar[str]

    def handle(self, *args: Any, **options: Any) -> Any:
        if not acts_at_once():
            raise CommandError(f"There are people, so nobody does this alone. {self.instead}")
        return super().handle(*args, **options)


def refused(error: ApiError) -> CommandError:
    """Return a refusal with all that it names, for the terminal."""
    faults = [str(text) for texts in (error.properties or {}).values() for text in texts]
    return CommandError(" ".join([str(error), *faults]))


def operator_of(command: str) -> Actor:
    """Return the actor of a command that somebody runs once there are people."""
    return operator_actor(f"{command} by {operator_name()}"[:50])


def operator_name() -> str:
    """Return the name of the user on the host, or its number: in a container it may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def acts_at_once() -> bool:
    """Return whether commands need nobody: in the embedded profile, or before there are people."""
    return settings.EMBEDDED or not is_bootstrapped()
