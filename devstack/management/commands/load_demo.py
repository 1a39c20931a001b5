"""Fills a trial with people, clients and work in progress."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.errors import ApiError
from devstack.demo.accounts import credentials
from devstack.demo.contacts import DemoDoesNotFitError
from devstack.demo.loading import load

MAX_CONTACTS = 9_000_000


class Command(BaseCommand):
    help = (
        "Loads the demo: lists, schemas, members with their permissions, a client application, contacts, change "
        "requests in every state, contact groups and legal entities. Running it again adds what is missing and "
        "changes nothing. The passwords are known to everybody, so it refuses to run outside of the embedded profile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--contacts", type=_count, default=200, metavar="N", help="How many; 200 unless said.")
        parser.add_argument(
            "--force",
            action="store_true",
            help="Run although DATABASE_URL and REDIS_URL name servers. Never where real data is, or will be.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not (settings.EMBEDDED or options["force"]):
            raise CommandError(
                "This would add an administrator and a client application whose passwords everybody can read. "
                "DATABASE_URL and REDIS_URL are set, so this may be a real system, and nothing was done. "
                "If it is a trial, say so: load_demo --force"
            )
        try:
            added = load(contacts=options["contacts"])
        except DemoDoesNotFitError as error:
            raise CommandError(str(error)) from error
        except ApiError as error:
            raise CommandError(f"The demo could not be played: {error}") from error
        if options["verbosity"] > 1 or added:
            self.stderr.write(f"{added} contacts added.")
        self.stdout.write(credentials())


def _count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= MAX_CONTACTS:
        raise ArgumentTypeError(f"expected a number from 0 to {MAX_CONTACTS}")
    return count
