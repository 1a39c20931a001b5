"""Register a client application and print its credentials."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from accounts.models import Participant
from administration.applications import FOR_ITSELF, FOR_PEOPLE
from administration.commands import BreakGlassCommand, refused
from administration.services.applications import create_client_application
from core.errors import ApiError


class Command(BreakGlassCommand):
    help = (
        "Registers an OAuth2 client application and prints JSON with client_id and client_secret. It acts for itself, "
        "unless it gets addresses to which people return (--redirect-uri). "
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
        parser.add_argument(
            "--redirect-uri",
            action="append",
            default=[],
            metavar="ADDRESS",
            help="It acts for people (authorization code), who return here: https, or http on 127.0.0.1. Repeatable.",
        )
        parser.add_argument(
            "--origin", action="append", default=[], help="From which its pages call the API in a browser. Repeatable."
        )
        parser.add_argument(
            "--public", action="store_true", help="It runs in browsers or on devices and keeps no secret (PKCE)."
        )
        parser.add_argument(
            "--carries-decisions", action="store_true", help="Members may approve change requests through it."
        )
        parser.add_argument(
            "--public-keys", metavar="FILE", help="Its public key set (JWKS), if it signs instead of using a secret."
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
                target=_target(options),
            )
        except ApiError as error:
            raise refused(error) from error
        credentials = {"client_id": created.application.client_id}
        if created.client_secret:
            credentials["client_secret"] = created.client_secret
        self.stdout.write(json.dumps(credentials, indent=2))


def _target(options: dict[str, Any]) -> dict[str, Any]:
    """Return what the application is, as paths of its document. Raises CommandError."""
    return {
        "grant": FOR_PEOPLE if options["redirect_uri"] else FOR_ITSELF,
        "isPublic": options["public"],
        "redirectUris": options["redirect_uri"],
        "origins": options["origin"],
        "carriesDecisions": options["carries_decisions"],
        "publicKeys": _keys(options["public_keys"]),
    }


def _keys(name: str | None) -> Any:
    if name is None:
        return []
    try:
        return json.loads(Path(name).read_text())["keys"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CommandError(f"{name} is no key set: {error}") from error
