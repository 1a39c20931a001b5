"""Chains the entries that were written without commitments: those of before, and those of the previous version."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection, transaction
from psycopg import sql

from audit.commitments import NO_PREVIOUS, Commitments, Head, commit_to, entry_hash
from audit.documents import document_tables

BATCH = 2_000
# An advisory lock, for everybody who chains.
_LOCK = 0x6B6F6E746F72_02
# An erasure has entries locked that are left out here, and what follows them; they come next time.
_UNCHAINED = """
SELECT entry.id, entry.kind, entry.subject_id, entry.sequence, entry.recorded_at, entry.initiator_member_id,
       entry.initiator_contact_id, entry.initiator_application_id, entry.change_request_id, entry.correlation_id,
       entry.initiator_system, entry.changes::text, entry.comment, entry.salt, entry.commitments, previous.entry_hash
  FROM audit_entry entry
  LEFT JOIN audit_entry previous
    ON previous.kind = entry.kind AND previous.subject_id = entry.subject_id
   AND previous.sequence = entry.sequence - 1
 WHERE entry.entry_hash IS NULL AND entry.id > %s
 ORDER BY entry.id LIMIT %s
   FOR NO KEY UPDATE OF entry SKIP LOCKED
"""
_CHAIN = """
UPDATE audit_entry SET salt = made.salt, commitments = made.commitments, entry_hash = made.entry_hash
  FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[]) AS made (id, salt, commitments, entry_hash)
 WHERE audit_entry.id = made.id
"""
_DOCUMENTS = "SELECT id, version, details::text FROM public.{} WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry that is not chained. `previous` is the hash of the one before it, if that is."""

    id: int
    head: Head
    changes: str
    comment: str | None
    commitments: Commitments | None
    previous: bytes | None

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> "_Entry":
        pk, *head, changes, comment, salt, hashes, previous = row
        commitments = None if hashes is None else Commitments(salt, bytes(hashes))
        return cls(pk, Head(*head), changes, comment, commitments, previous)


def chain_entries() -> int:
    """Chain every entry that is not, in batches; return how many were. Does nothing while somebody else does it."""
    total = last = 0
    while (found := _chain_batch(last)) is not None:
        chained, last = found
        total += chained
    return total


@transaction.atomic
def _chain_batch(after: int) -> tuple[int, int] | None:
    """Chain the next entries; return how many, and the last that was looked at. None if none is left.

    Locks the entries, and skips those that others have locked.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(_UNCHAINED, [after, BATCH])
        entries = [_Entry.of_row(row) for row in cursor.fetchall()]
        if not entries:
            return None
        made = _chained(entries, _documents(entries))
        cursor.execute(_CHAIN, [list(column) for column in zip(*made, strict=True)] or [[], [], [], []])
    return len(made), entries[-1].id


def _documents(entries: Sequence[_Entry]) -> Mapping[tuple[str, int, int], Any]:
    """Return the documents that resulted from these entries, where they are still those of their subjects."""
    tables = document_tables()
    ids = defaultdict(set)
    for entry in entries:
        if entry.commitments is None and entry.head.kind in tables:
            ids[entry.head.kind].add(entry.head.subject_id)
    found: dict[tuple[str, int, int], Any] = {}
    with connection.cursor() as cursor:
        for kind, subjects in ids.items():
            statement = sql.SQL(_DOCUMENTS).format(sql.Identifier(tables[kind].table))
            cursor.execute(statement.as_string(), [list(subjects)])
            found |= {(kind, pk, version): orjson.loads(details) for pk, version, details in cursor.fetchall()}
    return found


def _chained(
    entries: Sequence[_Entry], documents: Mapping[tuple[str, int, int], Any]
) -> list[tuple[int, bytes, bytes, bytes]]:
    """Return id, salt, commitments and hash of those entries whose predecessor is chained."""
    hashes: dict[tuple[str, int, int], bytes] = {}
    made = []
    for entry in entries:
        head = entry.head
        place = (head.kind, head.subject_id, head.sequence)
        previous = hashes.get((*place[:2], head.sequence - 1), entry.previous)
        if previous is None and head.sequence > 1:
            continue
        commitments = entry.commitments or commit_to(orjson.loads(entry.changes), entry.comment, documents.get(place))
        hashes[place] = entry_hash(head, commitments.hashes, previous or NO_PREVIOUS)
        made.append((entry.id, commitments.salt, commitments.hashes, hashes[place]))
    return made
