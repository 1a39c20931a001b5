"""Load the shipped lists and default schemas."""

from typing import Any

from accounts.actor import Actor
from administration.commands import FourEyesCommand, acts_at_once
from schemas.services import load_default_schemas, load_lists
from schemas.services.defaults import KONTOR


class Command(FourEyesCommand):
    help = (
        "Adds the lists, list items and schemas that are missing; run it after an installation and after an upgrade. "
        "What the institution has changed stays as it is. Once there are people, another version of a schema is a "
        "request, and so is what else would be one of a member."
    )

    def actor(self, options: dict[str, Any]) -> Actor:
        return KONTOR if acts_at_once() else super().actor(options)

    def handle(self, *args: Any, **options: Any) -> None:
        actor = self.actor(options)
        lists, schemas = load_lists(actor=actor), load_default_schemas(actor=actor)
        self.stdout.write(
            f"{len(lists.added)} list items added; schemas published: {', '.join(schemas.added) or 'none'}."
        )
        for left in [*lists.left, *schemas.left]:
            self.stdout.write(left)
