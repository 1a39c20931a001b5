"""What the feed says of each kind of ledger entry: a class, which the app that owns the subjects registers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import Promise

# To an application with participants, a change of a contact's participants may mean one of the other two.
ACCESS_CHANGED, ENTERED, LEFT = "contact.access.changed", "contact.entered", "contact.left"
# To the application itself, the change means that it sees others from now on, and has to read everything again.
SIGHT_CHANGED, RESYNC = "application.sight.changed", "resync"
# The types that an event has to some applications only, in words.
TYPES_FOR_SOME: Mapping[str, str | Promise] = {
    ENTERED: _("A contact became visible to the application"),
    LEFT: _("A contact is no longer visible to the application"),
    RESYNC: _("What the application can see was changed: it has to read everything again"),
}


@dataclass(frozen=True, slots=True)
class Audience:
    """Which applications receive an event: SQL expressions over the row `entry` of the ledger.

    With `participants`, an array of ids, those that have one of them, or one of `before`, and those without
    participants; with an empty array, the latter only; with NULL, all. The application with the id `application`
    receives the event in any case.
    """

    participants: str
    before: str = "NULL"
    application: str = "NULL"


EVERYBODY = Audience("NULL")
INSTITUTION = Audience("'{}'")


@dataclass(frozen=True, slots=True)
class EventSubject:
    """How the feed names a subject: never by what a person is called."""

    name: str
    uid: UUID | None = None


class EventKind:
    """The events of one kind of ledger entry. By default only applications without participants receive them.

    An import makes entries by the hundred thousand, so what is worked out for each of them is SQL.
    """

    # The kind of the entries.
    key: str
    # What the subject is called in events; kinds about the same rows share it.
    subject: str
    # The scope that an application needs to receive it, besides that of the feed.
    scope: str = ""
    # Whether the sequence of an entry is the version of its subject.
    has_versions = False
    # The types of its events, in words.
    types: Mapping[str, str | Promise]
    audience = INSTITUTION

    @property
    def type_sql(self) -> str:
        """The type of an event as an SQL expression over the row `entry` of the ledger."""
        return f"'{next(iter(self.types))}'"

    def subjects(self, ids: Collection[int]) -> Mapping[int, EventSubject]:
        """Return how subjects are named, by id."""
        return {pk: EventSubject(f"{self.subject} {pk}") for pk in ids}

    def paths_for_participants(self, paths: Sequence[str]) -> Sequence[str]:
        """Return the changed paths as an application with participants may know them."""
        return paths


def simple_kind(key: str, *, subject: str, type_: str, words: str | Promise = "") -> EventKind:
    """Return a kind that has one type of events and differs from others by its names only."""
    kind = EventKind()
    kind.key, kind.subject, kind.types = key, subject, {type_: words}
    return kind


_kinds: dict[str, EventKind] = {}
# With the key before it, the type of events of a kind that nobody registered.
TYPE_OF_OTHERS = ".changed"


def register_event_kind(kind: EventKind) -> None:
    """Register a kind. Raises ValueError if another one has its key."""
    if kind.key in _kinds:
        raise ValueError(f"{kind.key} is registered already")
    _kinds[kind.key] = kind


def event_kind(key: str) -> EventKind:
    """Return the kind. One that nobody registered is the institution's: no entry may stop the feed."""
    return _kinds.get(key) or simple_kind(key, subject=key, type_=key + TYPE_OF_OTHERS)


def all_event_kinds() -> list[EventKind]:
    return list(_kinds.values())
