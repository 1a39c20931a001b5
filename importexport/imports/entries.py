"""Base class of import entries, with their faults and outcomes, and readers of common properties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import orjson
from django.utils.translation import gettext as _

from changerequests.policies import Requirement
from contacts.models import MAX_EXTERNAL_ID
from contacts.plans import ChangePlan
from core.documents import Change, Document, canonical
from core.errors import ApiError
from core.serializers import INT32_MAX
from core.text import line_faults, normalized
from importexport.imports.parsing import parse_entry
from importexport.imports.reading import RawEntry
from schemas.compiled import CompiledSchema

MAX_FAULTS = 20
MAX_MESSAGE = 1_000


class Outcome(Enum):
    """Outcome of an entry; the values are the count fields of ImportJob."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    AWAITING = "awaiting_approval"


Fault = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an entry asks for instead of doing it: changes of a subject, and what they must wait for."""

    subject_id: int
    changes: Sequence[Change]
    requirement: Requirement


@dataclass(slots=True, kw_only=True)
class Entry:
    """A parsed entry. An entry with faults has failed.

    None means absent: an existing row keeps its value. `document` is the details as JSON. A `Planner` sets `is_valid`
    (whether the details are valid under the schema) and, for new documents, `plan` and `history_cells` on demand.
    `waiting` is what has to be approved, by the kind of the change request. `notices` are reported and refuse nothing.
    """

    number: int
    position: int
    external_id: str | None = None
    details: Document | None = None
    document: bytes = b"{}"
    is_valid: bool | None = None
    plan: ChangePlan | None = None
    history_cells: bytes = b""
    faults: list[Fault] = field(default_factory=list)
    notices: list[Fault] = field(default_factory=list)
    outcome: Outcome = Outcome.FAILED
    waiting: dict[str, Waiting] = field(default_factory=dict)

    def refuse(self, path: str | None, message: object) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append((path, str(message)[:MAX_MESSAGE]))
        self.outcome = Outcome.FAILED
        self.waiting.clear()

    def refuse_details(self, faults: Mapping[str, Sequence[object]]) -> None:
        """Add faults, given by their paths in the details."""
        for path, messages in faults.items():
            for message in messages:
                self.refuse(f"details.{path}" if path else "details", message)

    def refuse_as(self, error: ApiError, path: str | None = None) -> None:
        self.refuse(path, error.message)


class Importer(Protocol):
    """Imports one kind of entries. Lives for one run of a sync.

    `read` must not access the database, because it runs in a thread ahead of `apply`. It never raises for an invalid
    entry: it adds faults to it. `apply` writes a batch in the caller's transaction and sets the outcomes; it leaves to
    the caller what has to be approved, as `Entry.waiting`.
    """

    def read(self, raw: RawEntry) -> Any: ...

    def apply(self, entries: Sequence[Any]) -> None: ...

    def refresh(self) -> None:
        """Reload cached reference data after a conflict with another transaction."""


def parsed(raw: RawEntry, entry: Entry, *, properties: frozenset[str]) -> dict[str, Any]:
    """Return the properties of an entry, {} if it is not a valid JSON object. Sets its external id.

    Adds faults for unknown properties and for a missing or invalid external id.
    """
    try:
        given = parse_entry(raw.content)
    except ApiError as error:
        entry.refuse_as(error)
        return {}
    if not isinstance(given, dict):
        entry.refuse(None, _("Expected an object."))
        return {}
    for name in given.keys() - properties:
        entry.refuse(name[:80], _("There is no such property."))
    external_id = given.get("externalId")
    if not isinstance(external_id, str) or not normalized(external_id):
        entry.refuse("externalId", _("An external id is required: a text."))
    else:
        entry.external_id = text_of(entry, given, "externalId", most=MAX_EXTERNAL_ID)
    return given


def text_of(entry: Entry, given: Mapping[str, Any], name: str, *, most: int) -> str | None:
    """Return an optional name or id; None if it is absent, null or invalid. Adds a fault if it is invalid."""
    value = given.get(name)
    if value is None:
        return None
    text = normalized(value) if isinstance(value, str) else ""
    faults = line_faults(text, most=most) if text else [_("Expected a text.")]
    for fault in faults:
        entry.refuse(name, fault)
    return None if faults else text


def is_id(value: Any) -> bool:
    """Return whether a JSON value is in the range of row ids."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= INT32_MAX


def list_of(entry: Entry, given: Mapping[str, Any], name: str) -> list[Any] | None:
    """Return an optional list; None if it is absent, null or invalid. Adds a fault if it is invalid."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        entry.refuse(name, _("Expected a list."))
        return None
    return value


def read_details(entry: Entry, given: Mapping[str, Any], *, schema: CompiledSchema) -> None:
    """Set the entry's details, if given, in canonical form. Adds a fault if they are not an object."""
    value = given.get("details")
    if value is None:
        return
    if not isinstance(value, dict):
        entry.refuse("details", _("Expected an object."))
        return
    entry.details = canonical(value, objects=schema.object_paths)
    try:
        entry.document = orjson.dumps(entry.details)
    except (TypeError, ValueError):
        entry.refuse("details", _("A number is too large."))
