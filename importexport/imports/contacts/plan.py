"""Working state of a batch: what each entry creates or changes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from contacts.models import CONTACT_ACCESS, CONTACT_DETAILS, CONTACT_IDENTITY
from contacts.plans import ChangePlan
from contacts.services.identity import CONNECTIONS, TYPE, USERNAME
from core.documents import Change
from importexport.imports.contacts.entry import ContactEntry
from importexport.imports.contacts.statements import Present


@dataclass(slots=True)
class New:
    """An entry that creates a contact."""

    place: int
    entry: ContactEntry
    username: str | None = None
    id: int = 0


@dataclass(slots=True)
class Known:
    """An entry of an existing contact, and what it changes. What must be approved waits, and the rest takes effect.

    `plan` is that of the details, made with the contact's row locked; None without details. `connections` are the
    present ones if `connect` changes some. `access` are the changes of its participants and members.
    """

    place: int
    entry: ContactEntry
    id: int
    present: Present
    plan: ChangePlan | None = None
    username: str | None = None
    type_id: int = 0
    connect: dict[str, str] = field(default_factory=dict)
    connections: dict[str, str] = field(default_factory=dict)
    access: Sequence[Change] = ()

    @property
    def details(self) -> Sequence[Change]:
        return () if self.plan is None else self.plan.changes

    @property
    def identity(self) -> list[Change]:
        """The changes of its type, username and external ids; a username that follows the email belongs to the details.

        They are those of the document of `contacts.services.identity`.
        """
        present = self.present
        found: list[tuple[str, Any, Any]] = [(TYPE, present.type_id, self.type_id)]
        if not settings.USERNAME_FROM_EMAIL:
            found.append((USERNAME, present.username, self.username))
        before, after = map(_as_json, (self.connections, self.connections | self.connect))
        found.append((CONNECTIONS, before, after))
        return [Change(path, original, target) for path, original, target in found if original != target]

    def changes_of(self, kind: str) -> Sequence[Change]:
        """Return the changes of one kind of change request."""
        if kind == CONTACT_DETAILS:
            return self.details
        return self.identity if kind == CONTACT_IDENTITY else self.access

    def waits(self, kind: str) -> bool:
        return kind in self.entry.waiting

    @property
    def is_username_waiting(self) -> bool:
        return self.waits(CONTACT_DETAILS if settings.USERNAME_FROM_EMAIL else CONTACT_IDENTITY)

    def hold_back(self) -> None:
        """Leave out what waits."""
        if self.is_username_waiting:
            self.username = self.present.username
        if self.waits(CONTACT_DETAILS):
            self.plan = None
        if self.waits(CONTACT_IDENTITY):
            self.type_id, self.connect = self.present.type_id, {}
        if self.waits(CONTACT_ACCESS):
            self.access = ()

    @property
    def is_row_changed(self) -> bool:
        return bool(self.details) or (self.username, self.type_id) != (self.present.username, self.present.type_id)


def _as_json(connections: dict[str, str]) -> list[dict[str, str]]:
    return [{"system": system, "externalId": external_id} for system, external_id in connections.items()]
