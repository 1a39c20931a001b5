"""Details of entries: checked as everywhere (design section 5), and made into rows of a history."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from accounts.actor import Actor
from contacts.details import Change, Document, leaf_values, paths_with_ancestors
from contacts.services.changes import check_updatable, history_columns
from core.errors import UnprocessableEntity
from importexport.imports.copying import json_text, number, row, text, text_array
from importexport.imports.entries import Entry, FirstVersion
from schemas.compiled import CompiledSchema

_KNOWN_PATHS = 20_000
HISTORY_FIELDS = (
    "version",
    "executed_at",
    "initiator_member",
    "initiator_contact",
    "initiator_application",
    "initiator_system",
    "changes",
    "paths",
)


class Rules:
    """What a schema says of changed documents, for one actor."""

    def __init__(self, *, actor: Actor, schema: CompiledSchema) -> None:
        self.schema = schema
        self._actor = actor
        self._refusals: dict[str, Mapping[str, Any]] = {}

    def verdict(self, entry: Entry) -> Mapping[str, Sequence[object]]:
        """The faults of the entry's details by their paths, {} when they are valid."""
        if entry.verdict is None:
            entry.verdict = self.schema.validate({} if entry.details is None else entry.details)
        return entry.verdict

    def first_version(self, entry: Entry) -> FirstVersion:
        """The entry's details as the first of their history."""
        if entry.first_version is None:
            entry.first_version = _first_version({} if entry.details is None else entry.details)
        return entry.first_version

    def check_new(self, entry: Entry) -> None:
        """Refuses the entry when its details cannot be a new document."""
        self._check_updatable(entry, self.first_version(entry).paths)
        if faults := self.verdict(entry):
            entry.refuse_details(faults)

    def explain(self, entry: Entry) -> None:
        """For an entry that has failed already: whoever mends it wants to know the faults of its details as well."""
        if entry.faults and entry.details is not None:
            entry.refuse_details(self.verdict(entry))

    def check_changed(self, entry: Entry, *, changes: Sequence[Change], stored: Document) -> None:
        """Refuses the entry when the stored document cannot become its details."""
        self._check_updatable(entry, (change.path for change in changes))
        faults = self.verdict(entry)
        if faults:
            faults = self.schema.validate(entry.details, stored=stored)
        if faults:
            entry.refuse_details(faults)

    def _check_updatable(self, entry: Entry, paths: Iterable[str]) -> None:
        for path in paths:
            refusal = self._refusals.get(path)
            if refusal is None:
                refusal = self._refusal(path)
            if refusal:
                entry.refuse_details(refusal)

    def _refusal(self, path: str) -> Mapping[str, Any]:
        """Why the actor may not change a path; {} when it may. The same for every entry, so it is asked once."""
        try:
            check_updatable(actor=self._actor, schema=self.schema, changes=[Change(path, None, None)])
            refusal: Mapping[str, Any] = {}
        except UnprocessableEntity as error:
            refusal = error.properties or {}
        if len(self._refusals) >= _KNOWN_PATHS:
            self._refusals.clear()
        self._refusals[path] = refusal
        return refusal


def _first_version(document: Document) -> FirstVersion:
    values = leaf_values(document)
    paths = tuple(values)
    changes = [{"path": path, "original": None, "target": value} for path, value in values.items()]
    return FirstVersion(paths, _change_cells(changes, paths))


def further_version(changes: Sequence[Change]) -> bytes:
    """The cells of `changes` and `paths` of what changed a document."""
    return _change_cells([change.as_json() for change in changes], tuple(change.path for change in changes))


def _change_cells(changes: list[dict[str, Any]], paths: tuple[str, ...]) -> bytes:
    return b"\t".join((json_text(orjson.dumps(changes)), _paths_cell(paths)))


@lru_cache(maxsize=4_096)
def _paths_cell(paths: tuple[str, ...]) -> bytes:
    return text_array(paths_with_ancestors(paths))


class HistoryRows:
    """Makes the rows of a history that one sync adds to."""

    def __init__(self, *, actor: Actor) -> None:
        columns = history_columns(actor=actor, changes=[])
        self._initiator = b"\t".join(
            (
                number(columns["initiator_member_id"]),
                number(columns["initiator_contact_id"]),
                number(columns["initiator_application_id"]),
                text(columns["initiator_system"]),
            )
        )

    def line(self, owner: int, changes: bytes, *more: bytes, version: int, at: bytes) -> bytes:
        """A line of the owner's id, HISTORY_FIELDS, and what else the table has.

        `changes` are the cells of a FirstVersion or of `further_version`, `at` is a cell too.
        """
        return row(number(owner), number(version), at, self._initiator, changes, *more)
