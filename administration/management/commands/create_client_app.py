"""Register a client application and print its credentials."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from accounts.models import Participant
from administration.commands import BreakGlassCommand
from administration.services.applications import create_client_application
from core.errors import ApiError


class Command(BreakGlassCommand):
    help = (
        "Registers an OAuth2 client application that acts for itself and prints JSON with client_id and client_secret. "
        "The secret is shown this once; only its hash is kept. Once there are people, it needs a reason that others "
        "review: in the admin, an application waits for somebody else, and its owner collects the secret."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
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
                actor=self.actor(options),
                name=options["name"],
                scopes=options["scopes"].split(),
                participants=participants,
            )
        except ApiError as error:
            raise CommandError(str(error)) from error
        credentials = {"client_id": created.application.client_id, "client_secret": created.client_secret}
        self.stdout.write(json.dumps(credentials, indent=2))
