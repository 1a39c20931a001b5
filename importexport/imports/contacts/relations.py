"""Bulk reads and writes of the participants and members of contacts: who sees them."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db.backends.utils import CursorWrapper
from django.db.models import Model

from contacts.models import ContactAssignment, ContactParticipant, WaitingAssignment, WaitingParticipant
from contacts.services import access
from core.documents import Change
from importexport.imports.contacts.plan import Known
from importexport.imports.contacts.statements import ints

Pairs = list[tuple[int, int]]


class Relation:
    """A many-to-many table between contacts and participants or members."""

    def __init__(self, model: type[Model], field: str) -> None:
        table, column = model._meta.db_table, model._meta.get_field(field).column  # type: ignore[union-attr]
        # Table and column names are constants; values are bound.
        pairs = "unnest(%s::int[], %s::int[]) AS pair (contact_id, other_id)"
        self._read = f"SELECT contact_id, {column} FROM {table} WHERE contact_id = ANY(%s::int[])"  # noqa: S608
        self._add = f"INSERT INTO {table} (contact_id, {column}) SELECT * FROM {pairs} ON CONFLICT DO NOTHING"  # noqa: S608
        self._remove = (
            f"DELETE FROM {table} USING {pairs} "  # noqa: S608
            f"WHERE {table}.contact_id = pair.contact_id AND {table}.{column} = pair.other_id"
        )

    def read(self, cursor: CursorWrapper, contact_ids: Sequence[int]) -> Mapping[int, set[int]]:
        """Return contact id -> ids of its participants or members."""
        found: dict[int, set[int]] = {pk: set() for pk in contact_ids}
        if contact_ids:
            cursor.execute(self._read, [ints(contact_ids)])
            for contact_id, other_id in cursor.fetchall():
                found[contact_id].add(other_id)
        return found

    def add(self, cursor: CursorWrapper, pairs: Pairs) -> None:
        _execute(cursor, self._add, pairs)

    def remove(self, cursor: CursorWrapper, pairs: Pairs) -> None:
        _execute(cursor, self._remove, pairs)


def _execute(cursor: CursorWrapper, statement: str, pairs: Pairs) -> None:
    if pairs:
        cursor.execute(statement, [ints(pair[0] for pair in pairs), ints(pair[1] for pair in pairs)])


def pairs_of(contact_id: int, others: Iterable[int]) -> Pairs:
    """Return a contact paired with each of the others, sorted, so that concurrent writers lock in the same order."""
    return [(contact_id, other) for other in sorted(others)]


PARTICIPANTS = Relation(ContactParticipant, "participant")
MEMBERS = Relation(ContactAssignment, "member")
WAITING_PARTICIPANTS = Relation(WaitingParticipant, "participant")
WAITING_MEMBERS = Relation(WaitingAssignment, "member")


def access_changes(
    cursor: CursorWrapper, items: Sequence[Known], *, own: frozenset[int] | None
) -> dict[int, list[Change]]:
    """Return what the entries change of who sees their contacts, as changes of access.

    `own` are the participants that the actor may name; others stay. None is all.
    """
    found: dict[int, list[Change]] = {item.id: [] for item in items}
    naming = {item.id: item.entry.participants for item in items if item.entry.participants is not None}
    for pk, present in PARTICIPANTS.read(cursor, list(naming)).items():
        others = frozenset() if own is None else present - own
        found[pk] += _change(access.PARTICIPANTS, present, others | naming[pk])
    naming = {item.id: item.entry.members for item in items if item.entry.members is not None}
    for pk, present in MEMBERS.read(cursor, list(naming)).items():
        found[pk] += _change(access.MEMBERS, present, naming[pk])
    return found


def _change(path: str, present: Collection[int], wanted: Collection[int]) -> list[Change]:
    before, after = sorted(present), sorted(wanted)
    return [] if before == after else [Change(path, before, after)]


def change_links(cursor: CursorWrapper, changes: Mapping[int, Sequence[Change]]) -> None:
    """Make changes of access, by contact."""
    for relation, path in ((PARTICIPANTS, access.PARTICIPANTS), (MEMBERS, access.MEMBERS)):
        made = [
            (pk, set(change.original), set(change.target))
            for pk, found in changes.items()
            for change in found
            if change.path == path
        ]
        relation.remove(cursor, [pair for pk, before, after in made for pair in pairs_of(pk, before - after)])
        relation.add(cursor, [pair for pk, before, after in made for pair in pairs_of(pk, after - before)])
