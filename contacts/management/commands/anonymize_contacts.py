"""Anonymizes contacts."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from administration.commands import FourEyesCommand
from contacts.services.anonymization import anonymize_contacts
from core.errors import ApiError


class Command(FourEyesCommand):
    help = "Anonymizes contacts: all that are named or none. This cannot be undone. Those that are anonymous stay so."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--id", type=int, action="append", default=[], dest="ids", metavar="ID")
        parser.add_argument("--uid", type=UUID, action="append", default=[], dest="uids", metavar="UID")
        parser.add_argument("--yes", action="store_true", help="Do not ask whether this is meant.")

    def handle(self, *args: Any, **options: Any) -> None:
        number = len(options["ids"]) + len(options["uids"])
        if (
            number
            and not options["yes"]
            and input(f"Type {number} to anonymize {number} contacts for good: ") != str(number)
        ):
            raise CommandError("Nothing was done.")
        try:
            outcome = anonymize_contacts(
                actor=self.actor(options), contact_ids=options["ids"], contact_uids=options["uids"]
            )
        except ApiError as error:
            named = [f"{place}: {message}" for place, texts in (error.properties or {}).items() for message in texts]
            raise CommandError("\n".join([str(error), *named])) from error
        if outcome.change_request is not None:
            self.say_that_it_waits(outcome.change_request)
            return
        done = outcome.contacts
        self.stdout.write(f"{len(done)} of {number} contacts anonymized, {number - len(done)} were anonymous already.")
