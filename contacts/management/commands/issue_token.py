"""Prints a bearer token for a member or a contact."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from accounts.models import User
from accounts.scopes import ALL_SCOPES
from accounts.services import issue_token
from administration.commands import BreakGlassCommand
from contacts.services.logins import open_login
from core.errors import ApiError


class Command(BreakGlassCommand):
    help = (
        "Prints a bearer token with which a member or a contact calls the API: for trials and tests. Outside of the "
        "embedded profile it needs a reason, which others review. A token of this command belongs to no application."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--member", metavar="USERNAME")
        who.add_argument("--contact", type=int, metavar="ID")
        parser.add_argument("--scopes", default=" ".join(ALL_SCOPES), help="All of them unless said.")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = self.actor(options)
        try:
            user = (
                self._member_user(options["member"])
                if options["member"]
                else open_login(actor=actor, contact_id=options["contact"])
            )
            self.stdout.write(issue_token(actor=actor, user=user, scopes=options["scopes"].split()))
        except ApiError as error:
            raise CommandError(str(error)) from error

    def _member_user(self, username: str) -> User:
        user = User.objects.filter(username__iexact=username, member__isnull=False).first()
        if user is None:
            raise CommandError(f"There is no member with the username {username}.")
        return user
