"""Unlock a login or an application after too many wrong passwords or secrets."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts.lockout import Secret
from administration.commands import operator_of
from administration.services.locks import unlock_login


class Command(BaseCommand):
    help = "Opens a login, or an application, that is locked after too many wrong passwords or secrets. On record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--username", help="a member's or a contact's, in any case")
        what.add_argument("--client", metavar="CLIENT_ID", help="a client application's")

    def handle(self, *args: Any, username: str | None, client: str | None, **options: Any) -> None:
        secret = Secret(username=username, client_id=client)
        is_unlocked = unlock_login(actor=operator_of("unlock_login"), secret=secret)
        self.stdout.write("Unlocked." if is_unlocked else "Nothing was counted against this name: it was not locked.")
