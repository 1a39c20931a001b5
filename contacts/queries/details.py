"""Reading a contact and its details, prepared once for all who see alike."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast

from accounts.actor import VisibilityScope
from accounts.prefetch import Row, ViewPrefetch
from contacts.models import Channel, ChannelKind, Contact
from contacts.queries.contacts import no_such_contact, with_pending_request
from core.prepared import Param, PreparedQuery


def with_pending_channels(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    """Annotate `has_pending_email` and `has_pending_mobile`."""
    waiting = Channel.objects.pending().filter(contact=OuterRef("pk"))
    return contacts.annotate(
        has_pending_email=Exists(waiting.filter(kind=ChannelKind.EMAIL)),
        has_pending_mobile=Exists(waiting.filter(kind=ChannelKind.MOBILE)),
    )


def pending_addresses(contact: Contact) -> dict[str, str]:
    """Return the addresses that wait for their owner to confirm them, by path."""
    pending: Any = Channel.objects.pending().filter(contact=contact).values_list("path", "pending_value")
    return dict(pending)


@dataclass(frozen=True, slots=True)
class ReadDetails:
    """The response to GET details; `details` is JSON text because nobody needs to parse it."""

    id: int
    version: int
    details: str
    has_pending_change_request: bool
    has_pending_email: bool
    has_pending_mobile: bool

    @property
    def etag(self) -> str:
        """The version, and flags for what is pending review or a key, which the response contains too: `"7-re"`."""
        flags = {"r": self.has_pending_change_request, "e": self.has_pending_email, "m": self.has_pending_mobile}
        waiting = "".join(flag for flag, is_pending in flags.items() if is_pending)
        return f'"{self.version}-{waiting}"' if waiting else f'"{self.version}"'


def details_query(contact_id: int) -> ViewPrefetch:
    """Return the query for a contact's details; pass its row to `details_from_row`."""
    return ViewPrefetch(_prepared_details, {"id": contact_id})


def details_from_row(row: Row | None) -> ReadDetails:
    """Return the details read by `details_query`. Raises NotFound if there is no contact that the actor can see."""
    if row is None:
        raise no_such_contact()
    return ReadDetails(*row)


@lru_cache(maxsize=256)
def _prepared_details(scope: VisibilityScope) -> PreparedQuery:
    visible = Contact.objects.visible_to(scope.actor).answering(Param("id"))
    contacts = with_pending_request(with_pending_channels(visible))
    return PreparedQuery.from_queryset(
        contacts.order_by().values_list(
            "id",
            "version",
            Cast("details", TextField()),
            "has_pending_change_request",
            "has_pending_email",
            "has_pending_mobile",
        )
    )


@dataclass(frozen=True, slots=True)
class ReadContact:
    """The response to GET contact."""

    id: int
    uid: UUID
    name: str
    type_id: int
    username: str | None
    version: int
    changed_at: datetime
    merged_into_id: int | None

    @property
    def etag(self) -> str:
        """The version, and a hash of what can change without it, such as the username: `"7-1c0de5b2a4f3"`."""
        shown = f"{self.name}\0{self.type_id}\0{self.username}\0{self.merged_into_id or ''}"
        return f'"{self.version}-{sha256(shown.encode()).hexdigest()[:12]}"'


def contact_query(contact_id: int) -> ViewPrefetch:
    """Return the query for a contact, merged or not; pass its row to `contact_from_row`."""
    return ViewPrefetch(_prepared_contact, {"id": contact_id})


def contact_from_row(row: Row | None) -> ReadContact:
    """Return the contact read by `contact_query`. Raises NotFound if there is none that the actor can see."""
    if row is None:
        raise no_such_contact()
    return ReadContact(*row)


@lru_cache(maxsize=256)
def _prepared_contact(scope: VisibilityScope) -> PreparedQuery:
    contacts = Contact.objects.visible_with_merged(scope.actor)
    columns = ("id", "uid", "name", "type_id", "username", "version", "latest_entry__recorded_at", "merged_into_id")
    return PreparedQuery.from_queryset(contacts.filter(pk=Param("id")).order_by().values_list(*columns))
