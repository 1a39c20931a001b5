"""Reads what is verified: entries with their positions and the present documents of their subjects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.db import connection
from psycopg import sql

from audit.commitments import Head
from audit.documents import document_tables
from audit.entries import ERASURE

_ITEM = 20_000
_FETCHED = 2_000
_KINDS = """
WITH RECURSIVE found AS (
    (SELECT kind FROM audit_entry ORDER BY kind LIMIT 1)
    UNION ALL
    SELECT (SELECT kind FROM audit_entry WHERE kind > found.kind ORDER BY kind LIMIT 1) FROM found
     WHERE found.kind IS NOT NULL)
SELECT kind, (SELECT min(subject_id) FROM audit_entry WHERE kind = found.kind),
       (SELECT max(subject_id) FROM audit_entry WHERE kind = found.kind)
  FROM found WHERE kind IS NOT NULL
"""
_ENTRIES = """
SELECT entry.kind, entry.subject_id, entry.sequence, entry.recorded_at, entry.initiator_member_id,
       entry.initiator_contact_id, entry.initiator_application_id, entry.change_request_id, entry.correlation_id,
       entry.initiator_system, entry.changes::text, entry.comment, entry.paths, entry.salt, entry.commitments,
       entry.entry_hash, event.position, {document}, {previous}
  FROM audit_entry entry
  LEFT JOIN events_event event ON event.entry_id = entry.id
  {joins}
 WHERE {condition}
 ORDER BY entry.kind, entry.subject_id, entry.sequence
"""
_BEFORE = """
  LEFT JOIN audit_entry before ON before.kind = entry.kind AND before.subject_id = entry.subject_id
   AND before.sequence = entry.sequence - 1
  LEFT JOIN events_event event_before ON event_before.entry_id = before.id
"""
_AT_POSITIONS = """
SELECT event.position, entry.kind, entry.subject_id, entry.sequence
  FROM events_event event JOIN audit_entry entry ON entry.id = event.entry_id
 WHERE event.position BETWEEN %s AND %s
"""
_WITHOUT_ENTRIES = """
SELECT id FROM public.{table} document
 WHERE id >= %s AND id < %s
   AND NOT EXISTS (SELECT FROM audit_entry WHERE kind = %s AND subject_id = document.id)
"""
_ERASED = f"""
SELECT kind, subject_id, max((changes -> 0 ->> 'target')::integer) FROM audit_entry
 WHERE kind = ANY(%s) AND starts_with(kind, '{ERASURE}') GROUP BY kind, subject_id
"""  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it is stored. `document` is its subject's, as JSON, if the subject is of this version.

    `before` are the hash and the position of the entry before it, if they were read.
    """

    head: Head
    changes: str
    comment: str | None
    paths: Sequence[str]
    salt: bytes | None
    commitments: bytes | None
    entry_hash: bytes | None
    position: int | None
    document: str | None
    before: tuple[bytes | None, int | None]


@dataclass(frozen=True, slots=True)
class Subjects:
    """The subjects of a kind with ids from `first` to before `end`: what one process verifies at a time."""

    kind: str
    first: int
    end: int


def all_subjects() -> list[Subjects]:
    """Return every subject that has entries or a document, in pieces."""
    with connection.cursor() as cursor:
        cursor.execute(_KINDS)
        found = {kind: (least, most) for kind, least, most in cursor.fetchall()}
        for kind, documents in document_tables().items():
            cursor.execute(
                sql.SQL("SELECT min(id), max(id) FROM {}").format(sql.Identifier(documents.table)).as_string()
            )
            ids = [pk for pk in (*cursor.fetchone(), *found.get(kind, ())) if pk is not None]
            if ids:
                found[kind] = min(ids), max(ids)
    return [
        Subjects(kind, first, min(first + _ITEM, most + 1))
        for kind, (least, most) in found.items()
        for first in range(least, most + 1, _ITEM)
    ]


def erased_until(kinds: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return the sequence up to which values of a subject's entries may be gone, by kind and id.

    Those of erasures are the `kinds` that are looked at.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ERASED, [list(kinds)])
        return {(kind.removeprefix(ERASURE), pk): until for kind, pk, until in cursor.fetchall()}


def rows_of(subjects: Subjects) -> Iterator[Row]:
    """Yield the entries of subjects, in their order."""
    condition = "entry.kind = %(kind)s AND entry.subject_id >= %(first)s AND entry.subject_id < %(end)s"
    yield from _rows(
        condition,
        {"kind": subjects.kind, "first": subjects.first, "end": subjects.end},
        kinds=[subjects.kind],
        is_before_read=False,
    )


def rows_between(first: int, last: int) -> Iterator[Row]:
    """Yield the entries of these positions by subject, each with the one before it."""
    condition = "event.position BETWEEN %(first)s AND %(last)s"
    values = {"first": first, "last": last}
    yield from _rows(condition, values, kinds=list(document_tables()), is_before_read=True)


def names_at(first: int, last: int) -> dict[int, str]:
    """Return the entries at these positions, as seals name them: kind, subject and sequence."""
    with connection.cursor() as cursor:
        cursor.execute(_AT_POSITIONS, [first, last])
        return {position: f"{kind} {pk} {sequence}" for position, kind, pk, sequence in cursor.fetchall()}


def without_entries(subjects: Subjects) -> list[int]:
    """Return the ids of documents whose history is empty."""
    documents = document_tables().get(subjects.kind)
    if documents is None:
        return []
    statement = sql.SQL(_WITHOUT_ENTRIES).format(table=sql.Identifier(documents.table))
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(), [subjects.first, subjects.end, subjects.kind])
        return [pk for (pk,) in cursor.fetchall()]


def _rows(condition: str, values: Mapping[str, Any], *, kinds: Sequence[str], is_before_read: bool) -> Iterator[Row]:
    tables = [table for kind, table in document_tables().items() if kind in kinds]
    names = [sql.Identifier(f"document_{number}") for number, _table in zip(count(), tables, strict=False)]
    joins = [
        sql.SQL(
            "LEFT JOIN public.{} AS {name} ON entry.kind = {kind} AND {name}.id = entry.subject_id"
            " AND {name}.version = entry.sequence"
        ).format(sql.Identifier(table.table), name=name, kind=sql.Literal(table.kind))
        for name, table in zip(names, tables, strict=True)
    ]
    documents = [sql.SQL("{}.details::text").format(name) for name in names]
    statement = sql.SQL(_ENTRIES).format(
        document=sql.SQL("coalesce({})").format(sql.SQL(", ").join(documents)) if documents else sql.SQL("NULL::text"),
        previous=sql.SQL("before.entry_hash, event_before.position" if is_before_read else "NULL, NULL"),
        joins=sql.SQL("\n").join([*joins, sql.SQL(_BEFORE if is_before_read else "")]),
        condition=sql.SQL(condition),
    )
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement.as_string(), values)
        while found := cursor.fetchmany(_FETCHED):
            yield from map(_row, found)


def _row(values: Sequence[Any]) -> Row:
    changes, comment, paths, salt, commitments, entry_hash, position, document, before, at = values[10:]
    return Row(
        Head(*values[:10]), changes, comment, paths, salt, commitments, entry_hash, position, document, (before, at)
    )
