"""What a creation asks of the app that knows duplicates, which is above this one and registers itself."""

from collections.abc import Mapping
from typing import Any, Protocol

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter

from accounts.actor import Actor
from contacts.models import Contact
from core.errors import BadRequest

HEADER = "X-Refuse-Duplicates"
LEVELS = ("probable", "possible")
REFUSE_DUPLICATES = [
    OpenApiParameter(
        HEADER,
        {"type": "string", "enum": list(LEVELS)},
        OpenApiParameter.HEADER,
        description="Refuse to create a contact if one that the caller sees is probably, or possibly, the same person.",
    )
]


class Duplicates(Protocol):
    def refuse(self, *, actor: Actor, details: Mapping[str, Any], level: str) -> None:
        """Raise UnprocessableEntity `ProbableDuplicate` if the actor sees such a contact.

        Until the transaction ends, others that call this for a similar person wait.
        """

    def created(self, contact: Contact) -> None:
        """Have a new contact be found by those who wait in `refuse`."""


_registered: list[Duplicates] = []


def register_duplicates(duplicates: Duplicates) -> None:
    _registered.append(duplicates)


def level_in(headers: Mapping[str, str]) -> str | None:
    """Return what a creation is refused for, None for nothing. Raises BadRequest."""
    level = headers.get(HEADER)
    if level is not None and level not in LEVELS:
        raise BadRequest(_("X-Refuse-Duplicates must be probable or possible."))
    return level


def refuse_duplicates(*, actor: Actor, details: Mapping[str, Any], level: str) -> None:
    for duplicates in _registered:
        duplicates.refuse(actor=actor, details=details, level=level)


def contact_created(contact: Contact) -> None:
    for duplicates in _registered:
        duplicates.created(contact)
