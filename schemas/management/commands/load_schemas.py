"""Load the shipped lists and default schemas."""

from typing import Any

from django.core.management.base import BaseCommand

from schemas.services import load_default_schemas, load_lists


class Command(BaseCommand):
    help = (
        "Adds the lists, list items and schemas that are missing; run it after an installation and after an upgrade. "
        "What the institution has changed stays as it is."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        added = load_lists()
        published = load_default_schemas()
        self.stdout.write(f"{added} list items added; schemas published: {', '.join(published) or 'none'}.")
