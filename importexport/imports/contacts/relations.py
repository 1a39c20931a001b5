"""Bulk reads and writes of the participants and members of contacts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from django.db.backends.utils import CursorWrapper
from django.db.models import Model

from contacts.models import ContactAssignment, ContactParticipant, WaitingAssignment, WaitingParticipant
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

    def read(self, cursor: CursorWrapper, contact_ids: list[int]) -> Mapping[int, set[int]]:
        """Return contact id -> ids of its participants or members."""
        found: defaultdict[int, set[int]] = defaultdict(set)
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
