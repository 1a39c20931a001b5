"""Change plans for the details of entries, and the entries of their history."""

from collections.abc import Iterable
from functools import lru_cache

import orjson
from django.db.backends.utils import CursorWrapper

from accounts.actor import Actor
from audit import entries
from audit.commitments import commit_to
from audit.models import Entry as LedgerEntry
from contacts.plans import ChangePlan, Origin, Snapshot, Target, plan
from core.documents import Document, paths_with_ancestors
from importexport.imports.copying import binary, copy_rows, json_text, number, row, text, text_array
from importexport.imports.entries import Entry
from schemas.compiled import CompiledSchema


class Planner:
    """Plans the changes of entries under one schema version, for one actor."""

    def __init__(self, *, actor: Actor, schema: CompiledSchema, username_path: str | None = None) -> None:
        self._actor = actor
        self._schema = schema
        self._username_path = username_path
        self._nothing = Snapshot(document={}, version=0, schema=schema, username_path=username_path)

    def check_validity(self, entry: Entry) -> None:
        """Set `entry.is_valid`: whether its details, as given, are valid under the schema."""
        if entry.is_valid is None:
            entry.is_valid = not self._schema.validate(_details(entry))

    def plan_new(self, entry: Entry) -> ChangePlan:
        """Return the plan of a new document with the entry's details. Caches it and its history cells in the entry."""
        if entry.plan is None:
            entry.plan = plan(self._nothing, self._target(entry), self._actor, Origin.IMPORT)
            entry.history_cells = change_cells(entry.plan)
        return entry.plan

    def check_new(self, entry: Entry) -> ChangePlan:
        """Return the plan of a new document and add its faults to the entry."""
        return _checked(entry, self.plan_new(entry))

    def check_changed(self, entry: Entry, *, stored: Document, version: int) -> ChangePlan:
        """Return the plan that changes the stored document to the entry's and add its faults to the entry."""
        snapshot = Snapshot(document=stored, version=version, schema=self._schema, username_path=self._username_path)
        return _checked(entry, plan(snapshot, self._target(entry), self._actor, Origin.IMPORT))

    def explain(self, entry: Entry) -> None:
        """Add the faults of the details to an already failed entry, so that all can be corrected at once."""
        if entry.faults and entry.details is not None:
            entry.refuse_details(self._schema.validate(entry.details))

    def _target(self, entry: Entry) -> Target:
        return Target(lambda _stored: _details(entry), is_canonical=True, is_valid=bool(entry.is_valid))


def _details(entry: Entry) -> Document:
    return {} if entry.details is None else entry.details


def _checked(entry: Entry, found: ChangePlan) -> ChangePlan:
    entry.refuse_details(found.not_updatable)
    entry.refuse_details(found.faults)
    return found


def change_cells(plan: ChangePlan) -> bytes:
    """Return the cells of `changes`, `paths`, `salt` and `commitments` of the ledger entry of a plan."""
    changes = [change.as_json() for change in plan.changes]
    committed = commit_to(changes, None, plan.document)
    return b"\t".join(
        (
            json_text(orjson.dumps(changes)),
            _paths_cell(tuple(change.path for change in plan.changes)),
            binary(committed.salt),
            binary(committed.hashes),
        )
    )


@lru_cache(maxsize=4_096)
def _paths_cell(paths: tuple[str, ...]) -> bytes:
    return text_array(paths_with_ancestors(paths))


class History:
    """Writes the ledger entries of one sync, for subjects of one kind."""

    _COLUMNS = (
        "kind",
        "subject_id",
        "sequence",
        "initiator_member_id",
        "initiator_contact_id",
        "initiator_application_id",
        "initiator_system",
        "correlation_id",
        "changes",
        "paths",
        "salt",
        "commitments",
    )

    def __init__(self, *, kind: str, actor: Actor) -> None:
        columns = entries.initiator_columns(actor)
        self._kind = text(kind)
        self._initiator = b"\t".join(
            (
                number(columns["initiator_member_id"]),
                number(columns["initiator_contact_id"]),
                number(columns["initiator_application_id"]),
                text(columns["initiator_system"]),
                text(entries.recorded_correlation_id()),
            )
        )

    def record(self, cursor: CursorWrapper, versions: Iterable[tuple[int, int, bytes]]) -> None:
        """Insert an entry for each subject id, version and cells from `change_cells`."""
        copy_rows(
            cursor,
            LedgerEntry._meta.db_table,
            self._COLUMNS,
            (
                row(self._kind, number(subject), number(version), self._initiator, changes)
                for subject, version, changes in versions
            ),
        )
