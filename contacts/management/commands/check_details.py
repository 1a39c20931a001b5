"""Lists the contacts or the legal entities whose details violate the schema."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from contacts.models import CONTACT_SCHEMA, Contact
from core.errors import ApiError
from legalentities.models import LEGAL_ENTITY_SCHEMA, LegalEntity
from schemas.queries import current_schema

STORED_IN: Mapping[str, Any] = {CONTACT_SCHEMA: Contact, LEGAL_ENTITY_SCHEMA: LegalEntity}


class Command(BaseCommand):
    help = (
        "Lists every contact, or every legal entity, whose details violate the published schema, and why: one line per "
        "fault with the id, the path and the message. Exits with 1 when there are any."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--schema", default=CONTACT_SCHEMA, choices=sorted(STORED_IN), metavar="KEY")

    def handle(self, *args: Any, **options: Any) -> None:
        key = options["schema"]
        try:
            schema = current_schema(key)
        except ApiError as error:
            raise CommandError(str(error)) from error
        checked = violating = 0
        rows = STORED_IN[key].objects.order_by("id").values_list("id", "details")
        for identity, details in rows.iterator(chunk_size=1000):
            faults = schema.validate(schema.without_unnamed(details, details))
            checked += 1
            violating += bool(faults)
            for path, messages in faults.items():
                for message in messages:
                    self.stdout.write(f"{identity}\t{path}\t{message}")
        summary = f"{checked} checked against version {schema.version_number} of {key}, {violating} violate it."
        self.stderr.write(summary)
        if violating:
            raise SystemExit(1)
