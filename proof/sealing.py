"""Seals what was numbered since the last seal, and copies seals to where Kontor cannot change them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from accounts.actor import system_actor
from audit import entries
from audit.chaining import chain_entries
from audit.commitments import canonical_bytes
from core.documents import Change
from events.queries.feed import last_position
from events.services.numbering import number_events
from proof.bucket import copy_to_bucket
from proof.copies import copy_seals, last_copy, number_of
from proof.keys import signing_keys
from proof.merkle import leaf_hash, root_of
from proof.models import Seal

FORM = "kontor-seal-1"
# The kind of the entry that says that the database was restored to an earlier seal than the last.
RESTORE = "restore"
# What the first seal follows.
NO_SEAL = "0" * 64
MAX_ENTRIES = 100_000
# An advisory lock, for everybody who seals.
_LOCK = 0x6B6F6E746F72_03
_NUMBERED = """
SELECT event.position, entry.kind, entry.subject_id, entry.sequence, entry.entry_hash
  FROM events_event event JOIN audit_entry entry ON entry.id = event.entry_id
 WHERE event.position > %s
 ORDER BY event.position LIMIT %s
"""


def seal_ledger() -> int:
    """Number, chain and seal all that was committed, and copy the seals; return how many were made.

    Does nothing without SEAL_KEY_FILES, or while somebody else seals. Raises ImproperlyConfigured if none of the keys
    is the one that has to sign; OSError or BucketError if the copies cannot be written, which the next run does.
    """
    keys = signing_keys()
    if not keys:
        return 0
    number_events(is_in_background=True)
    chain_entries()
    made = 0
    while _seal_next(keys):
        made += 1
    copy_seals()
    copy_to_bucket()
    return made


@transaction.atomic
def _seal_next(keys: Mapping[str, Ed25519PrivateKey]) -> bool:
    """Make the next seal, if there is something to say. Holds an advisory lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return False
        last = Seal.objects.defer("entries").last()
        done = 0 if last is None else last.last
        known = None if last is None else last.body
        follows = _followed(known)
        before: dict[str, Any] = {} if follows is None else orjson.loads(follows)
        newest = next(iter(keys))
        key = before.get("nextKey") or before.get("key") or newest
        if key not in keys:
            raise ImproperlyConfigured("SEAL_KEY_FILES lacks the key of the last seal, which introduces the next one.")
        lines = [] if key != newest else _lines(cursor, done)
    is_restored = follows != known
    if not lines and key == newest and not is_restored:
        return False
    number = before.get("number", 0) + 1
    restored = 0 if last is None else last.number
    if is_restored:
        _record_restore(lost=number - 1, restored=restored)
    body = canonical_bytes(
        {
            "begins": before.get("begins", last_position()),
            "first": done + 1,
            "form": FORM,
            "key": key,
            "last": done + len(lines),
            "nextKey": None if key == newest else newest,
            "number": number,
            "previous": NO_SEAL if follows is None else hash_of_seal(follows),
            "restored": restored if is_restored else None,
            "root": root_of([leaf_hash(line) for line in lines]).hex(),
            "time": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }
    )
    Seal.objects.create(
        number=number,
        last=done + len(lines),
        body=body.decode(),
        signature=keys[key].sign(body),
        entries="\n".join(lines),
    )
    return True


def _followed(known: str | None) -> str | None:
    """Return the body of the seal that the next one follows: the copy's if it is ahead of the database.

    Then the database was restored to an earlier point, and does not know the seals since.
    """
    copy = last_copy()
    if copy is None or (known is not None and number_of(copy) <= orjson.loads(known)["number"]):
        return known
    return copy.body


def _record_restore(*, lost: int, restored: int) -> None:
    entries.append(
        kind=RESTORE,
        subject_id=1,
        actor=system_actor("seals"),
        changes=[Change("lastSeal", lost, restored)],
    )


def _lines(cursor: Any, done: int) -> list[str]:
    """Return the leaves of the entries after a position, up to the first that is not chained."""
    cursor.execute(_NUMBERED, [done, MAX_ENTRIES])
    lines: list[str] = []
    for position, kind, subject_id, sequence, hashed in cursor.fetchall():
        if hashed is None or position != done + len(lines) + 1:
            break
        lines.append(leaf_line(position, kind, subject_id, sequence, hashed))
    return lines


def leaf_line(position: int, kind: str, subject_id: int, sequence: int, hashed: bytes) -> str:
    """Return an entry's leaf in the tree of its seal."""
    return f"{position} {kind} {subject_id} {sequence} {bytes(hashed).hex()}"


def leaves_of(lines: str) -> Sequence[bytes]:
    return [leaf_hash(line) for line in lines.split("\n")] if lines else []


def hash_of_seal(body: str) -> str:
    """Return what the next seal has as `previous`."""
    return sha256(body.encode()).hexdigest()
