"""Unlock a login or an application after too many wrong passwords or secrets."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts.lockout import Secret, unlock
from accounts.usernames import login_named
from administration.commands import operator_of
from administration.services.locks import unlock_application, unlock_login


class Command(BaseCommand):
    help = "Opens a login, or an application, that is locked after too many wrong passwords or secrets. On record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--username", help="a member's or a contact's, in any case")
        what.add_argument("--client", metavar="CLIENT_ID", help="a client application's")

    def handle(self, *args: Any, username: str | None, client: str | None, **options: Any) -> None:
        is_unlocked = self._unlock_application(client) if client is not None else self._unlock_login(username or "")
        self.stdout.write("Unlocked." if is_unlocked else "Nothing was counted against this name: it was not locked.")

    def _unlock_application(self, client_id: str) -> bool:
        return unlock_application(actor=operator_of("unlock_login"), client_id=client_id)

    def _unlock_login(self, typed: str) -> bool:
        user = login_named(typed)
        if user is None:
            # Names that lead nowhere are locked too, and nothing is there to record it of.
            return bool(unlock(Secret(username=typed)))
        return unlock_login(actor=operator_of("unlock_login"), user_id=user.pk)
