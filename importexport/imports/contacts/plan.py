"""Working state of a batch: what each entry creates or changes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings

from contacts.plans import ChangePlan
from core.documents import Change
from importexport.imports.contacts.entry import ContactEntry
from importexport.imports.contacts.statements import Present
from importexport.imports.refusals import TYPE


@dataclass(slots=True)
class New:
    """An entry that creates a contact."""

    place: int
    entry: ContactEntry
    username: str | None = None
    id: int = 0


@dataclass(slots=True)
class Known:
    """An entry of an existing contact. `plan` is made with the contact's row locked; None without details.

    If the details must be approved, they wait, and the rest of the entry takes effect.
    """

    place: int
    entry: ContactEntry
    id: int
    present: Present
    plan: ChangePlan | None = None
    username: str | None = None
    type_id: int = 0
    connect: dict[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> Sequence[Change]:
        return () if self.plan is None or self.entry.waiting is not None else self.plan.changes

    @property
    def is_row_changed(self) -> bool:
        return bool(self.changes) or (self.username, self.type_id) != (self.present.username, self.present.type_id)

    @property
    def renamed(self) -> list[str]:
        """The properties of the entry that change what the contact is called."""
        found = ["externalConnections"] if self.connect else []
        # One that follows the email waits with the details.
        if self.username != self.present.username and not settings.USERNAME_FROM_EMAIL:
            found.append("username")
        return [*found, TYPE] if self.type_id != self.present.type_id else found
