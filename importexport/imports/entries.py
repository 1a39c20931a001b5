"""What all imports share of an entry: its shape, its faults, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import orjson
from django.utils.translation import gettext as _

from contacts.plans import ChangePlan
from core.documents import Document, canonical
from core.errors import ApiError
from core.serializers import INT32_MAX
from importexport.imports.parsing import parse_entry
from importexport.imports.reading import RawEntry
from schemas.compiled import CompiledSchema

MAX_EXTERNAL_ID = 200
MAX_FAULTS = 20
MAX_MESSAGE = 1_000


class Outcome(Enum):
    """What became of an entry; the values are the counts of a job."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


Fault = tuple[str | None, str]


@dataclass(slots=True, kw_only=True)
class Entry:
    """An entry as it was read. One with faults has failed.

    What is None was absent: of a row that exists it stays. `document` is the details as JSON. A `Planner` works out
    `is_valid` (whether the details follow the schema), and `plan` and `history_cells` of a new document, on demand.
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
    outcome: Outcome = Outcome.FAILED

    def refuse(self, path: str | None, message: object) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append((path, str(message)[:MAX_MESSAGE]))
        self.outcome = Outcome.FAILED

    def refuse_details(self, faults: Mapping[str, Sequence[object]]) -> None:
        """Faults by their paths in the details."""
        for path, messages in faults.items():
            for message in messages:
                self.refuse(f"details.{path}" if path else "details", message)

    def refuse_as(self, error: ApiError, path: str | None = None) -> None:
        self.refuse(path, error.message)


class Importer(Protocol):
    """What entries are imported into. Lives as long as a worker's run of one sync.

    `read` needs no database, so that it can run ahead of `apply`. It never raises: what is wrong with an entry is a
    fault of it. `apply` writes the entries of one batch in the caller's transaction and sets their outcomes.
    """

    def read(self, raw: RawEntry) -> Any: ...

    def apply(self, entries: Sequence[Any]) -> None: ...

    def refresh(self) -> None:
        """Read again what was kept in memory: somebody has changed the database meanwhile."""


def parsed(raw: RawEntry, entry: Entry, *, properties: frozenset[str]) -> dict[str, Any]:
    """The properties of an entry, {} when it is no good JSON; sets its external id. Refuses unknown properties."""
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
    if not isinstance(external_id, str) or not external_id.strip():
        entry.refuse("externalId", _("An external id is required: a text."))
    elif len(external_id) > MAX_EXTERNAL_ID:
        entry.refuse("externalId", _("At most %(most)s characters.") % {"most": MAX_EXTERNAL_ID})
    else:
        entry.external_id = external_id
    return given


def text_of(entry: Entry, given: Mapping[str, Any], name: str, *, most: int) -> str | None:
    """A text that may be absent or null."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        entry.refuse(name, _("Expected a text."))
        return None
    if len(value) > most:
        entry.refuse(name, _("At most %(most)s characters.") % {"most": most})
        return None
    return value


def is_id(value: Any) -> bool:
    """Whether a JSON value may be a row's id."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= INT32_MAX


def list_of(entry: Entry, given: Mapping[str, Any], name: str) -> list[Any] | None:
    """A list that may be absent or null."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        entry.refuse(name, _("Expected a list."))
        return None
    return value


def read_details(entry: Entry, given: Mapping[str, Any], *, schema: CompiledSchema) -> None:
    """Sets the details, which may be absent or null, in their canonical form."""
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
