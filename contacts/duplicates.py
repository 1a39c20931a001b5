"""What is asked of the app that knows duplicates, which is above this one and registers itself.

Write a contact and ask in one transaction: `wait_for_similar`, then write and ask, then `contact_written`. So of two
who write similar contacts at once, the second sees the contact of the first.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter

from accounts.actor import Actor
from audit.access.models import Way
from audit.access.recording import looked
from contacts.models import Contact
from core.errors import BadRequest, UnprocessableEntity

HEADER = "X-Refuse-Duplicates"
LEVELS = ("probable", "possible")
REFUSE_DUPLICATES = [
    OpenApiParameter(
        HEADER,
        {"type": "string", "enum": list(LEVELS)},
        OpenApiParameter.HEADER,
        description="Refuse what would make a contact probably, or possibly, the same person as another one that the "
        "caller sees.",
    )
]
# Of why two contacts are different people.
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A contact that the actor sees and that is possibly the person of some details.

    Its id, uid, name and details are loaded. `score` is between 0 and 1, `reasons` say what agrees in the active
    language.
    """

    contact: Contact
    score: float
    is_probable: bool
    reasons: Sequence[str]


class Duplicates(Protocol):
    def wait(self, details: Mapping[str, Any]) -> None:
        """Wait until nobody else writes a similar contact, and have others wait until the transaction ends."""

    def found(
        self,
        *,
        actor: Actor,
        details: Mapping[str, Any],
        contact_id: int | None,
        before: Mapping[str, Any] | None,
    ) -> Sequence[Duplicate]:
        """Return the contacts that the actor sees and that are possibly the person of the details, best first.

        Leaves out `contact_id`, whose details they are or will be, and those of whom somebody has said that they are
        another person. With the details of `before`, returns only those that are more alike now.
        """

    def written(self, contact_id: int) -> None:
        """Have a written contact be found by those who wait."""

    def distinguish(self, *, actor: Actor, contact_id: int, others: Sequence[Duplicate], reason: str) -> None:
        """Remember that a contact and each of the others are different people."""

    def paths(self) -> Sequence[str]:
        """Return the paths of details that are compared, in the order of the form."""

    def forget(self, contact_ids: Collection[int]) -> None:
        """Erase what was said about contacts."""


_registered: list[Duplicates] = []


def register_duplicates(duplicates: Duplicates) -> None:
    _registered.append(duplicates)


def checked_level(level: str) -> str:
    """Return what the header says a change is refused for. Raises BadRequest."""
    if level not in LEVELS:
        raise BadRequest(_("X-Refuse-Duplicates must be probable or possible."))
    return level


def fault_of_reason(reason: str) -> str:
    """Return what is wrong with a normalized reason why two contacts are different people; an empty text if nothing."""
    if reason and len(reason) <= MAX_REASON:
        return ""
    return _("Say why, in at most %(most)s characters.") % {"most": MAX_REASON}


def lock_contacts(*, actor: Actor, contact_ids: Collection[int]) -> None:
    """Lock the rows of contacts that the actor sees, in the order of their ids, until the transaction ends."""
    locked = Contact.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk__in=contact_ids)
    list(locked.order_by("pk").values_list("pk"))


def wait_for_similar(details: Mapping[str, Any]) -> None:
    """Wait until nobody else writes a contact similar to the details. Takes advisory locks."""
    for duplicates in _registered:
        duplicates.wait(details)


def duplicates_of(
    *,
    actor: Actor,
    details: Mapping[str, Any],
    contact_id: int | None = None,
    before: Mapping[str, Any] | None = None,
) -> list[Duplicate]:
    """Return the contacts that the actor sees and that are possibly the person of the details, best first.

    Leaves out `contact_id`, whose details they are or will be. With the details of `before`, returns only those that
    are more alike now.
    """
    return [
        found
        for duplicates in _registered
        for found in duplicates.found(actor=actor, details=details, contact_id=contact_id, before=before)
    ]


def refuse_duplicates(
    *,
    actor: Actor,
    details: Mapping[str, Any],
    level: str,
    contact_id: int | None = None,
    before: Mapping[str, Any] | None = None,
) -> None:
    """Raise UnprocessableEntity `ProbableDuplicate` with the ids of `duplicates_of`. Takes advisory locks."""
    wait_for_similar(details)
    found = duplicates_of(actor=actor, details=details, contact_id=contact_id, before=before)
    refused = [one for one in found if one.is_probable or level == "possible"]
    if refused:
        looked(actor, [one.contact.pk for one in refused], way=Way.LISTED)
        raise UnprocessableEntity(
            _("There is a contact already that may be the same person."),
            sub_code="ProbableDuplicate",
            properties={"candidates": [str(one.contact.pk) for one in refused]},
        )


def contact_written(contact_id: int) -> None:
    for duplicates in _registered:
        duplicates.written(contact_id)


def distinguish(*, actor: Actor, contact_id: int, others: Sequence[Duplicate], reason: str) -> None:
    """Remember that a contact, which may still wait to be created, and each of the others are different people."""
    for duplicates in _registered:
        duplicates.distinguish(actor=actor, contact_id=contact_id, others=others, reason=reason)


def compared_paths() -> list[str]:
    """Return the paths of details that are compared, in the order of the form."""
    return [path for duplicates in _registered for path in duplicates.paths()]


def forget_distinctions(contact_ids: Collection[int]) -> None:
    """Erase what was said about contacts."""
    for duplicates in _registered:
        duplicates.forget(contact_ids)
