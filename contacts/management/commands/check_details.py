"""Lists the contacts or legal entities whose details violate the schema."""

from argparse import ArgumentParser
from itertools import chain
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from contacts.models import CONTACT_SCHEMA
from core.errors import ApiError
from schemas.document_sources import batches, documents_of, schema_keys_with_documents
from schemas.queries import current_schema


class Command(BaseCommand):
    help = (
        "Lists every contact, or every legal entity, whose details violate the published schema, and why: one line per "
        "fault with the id, the path and the message. Exits with 1 when there are any."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--schema", default=CONTACT_SCHEMA, choices=schema_keys_with_documents(), metavar="KEY")

    def handle(self, *args: Any, **options: Any) -> None:
        key = options["schema"]
        try:
            schema = current_schema(key)
        except ApiError as error:
            raise CommandError(str(error)) from error
        checked = violating = 0
        store = documents_of(key)
        stored = chain.from_iterable(batches(store.rows)) if store else ()
        for identity, details in stored:
            faults = schema.faults_of_stored(details)
            checked += 1
            violating += bool(faults)
            for path, messages in faults.items():
                for message in messages:
                    self.stdout.write(f"{identity}\t{path}\t{message}")
        summary = f"{checked} checked against version {schema.version_number} of {key}, {violating} violate it."
        self.stderr.write(summary)
        if violating:
            raise SystemExit(1)
