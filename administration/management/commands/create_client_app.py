"""Register a client application and print its credentials."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.actor import system_actor
from accounts.models import Participant
from administration.services.applications import create_client_application
from core.errors import ApiError


class Command(BaseCommand):
    help = (
        "Registers an OAuth2 client application that acts for itself and prints JSON with client_id and client_secret. "
        "The secret is shown this once; only its hash is kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--scopes", required=True, help='The scopes it may ask for: "contacts.read contacts.write"')
        parser.add_argument(
            "--participant",
            action="append",
            default=[],
            metavar="NAME",
            help="Restricts it to a participant's contacts; repeat for several. Without any it sees all contacts.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        participants = list(Participant.objects.filter(name__in=options["participant"]))
        missing = set(options["participant"]) - {participant.name for participant in participants}
        if missing:
            raise CommandError(f"There is no participant named {', '.join(sorted(missing))}.")
        try:
            created = create_client_application(
                actor=system_actor("create_client_app"),
                name=options["name"],
                scopes=options["scopes"].split(),
                participants=participants,
            )
        except ApiError as error:
            raise CommandError(str(error)) from error
        credentials = {"client_id": created.application.client_id, "client_secret": created.client_secret}
        self.stdout.write(json.dumps(credentials, indent=2))
