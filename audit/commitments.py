"""What an entry commits to, and how entries are chained. docs/proof.md has the form byte for byte.

An entry's three commitments stay when its values are erased: to its paths, to its values and comment, and to the
document that resulted. The latter two are salted, so that without the salt nobody can try out what the values were.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from audit.canonical import canonical_bytes

SALT_BYTES = 16
HASH_BYTES = 32
# Of an entry whose subject has no document with a version.
NO_DOCUMENT = bytes(HASH_BYTES)
# What the first entry of a subject follows.
NO_PREVIOUS = bytes(HASH_BYTES)

PATHS_TAG = b"kontor-paths-1\n"
VALUES_TAG = b"kontor-values-1\n"
DOCUMENT_TAG = b"kontor-document-1\n"
ENTRY_TAG = b"kontor-entry-1\n"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Commitments:
    """The salt, and the commitments to paths, values and document, one after the other."""

    salt: bytes
    hashes: bytes


def commit_to(
    changes: Sequence[Mapping[str, Any]], comment: str | None, document: Mapping[str, Any] | None
) -> Commitments:
    """Return commitments under a new salt. `changes` are as the ledger stores them."""
    salt = os.urandom(SALT_BYTES)
    paths = paths_commitment(tuple(change["path"] for change in changes))
    values = values_commitment(salt, changes, comment)
    return Commitments(salt, paths + values + document_commitment(salt, document))


@lru_cache(maxsize=4_096)
def paths_commitment(paths: tuple[str, ...]) -> bytes:
    return sha256(PATHS_TAG + canonical_bytes(paths)).digest()


def values_commitment(salt: bytes, changes: Sequence[Mapping[str, Any]], comment: str | None) -> bytes:
    return sha256(VALUES_TAG + salt + canonical_bytes([changes, comment])).digest()


def document_commitment(salt: bytes, document: Mapping[str, Any] | None) -> bytes:
    return NO_DOCUMENT if document is None else sha256(DOCUMENT_TAG + salt + canonical_bytes(document)).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """What the hash of an entry binds besides its commitments: the subject, and who did it when by which request."""

    kind: str
    subject_id: int
    sequence: int
    recorded_at: datetime
    initiator_member_id: int | None
    initiator_contact_id: int | None
    initiator_application_id: int | None
    change_request_id: int | None
    correlation_id: str | None
    initiator_system: str


def entry_hash(head: Head, commitments: bytes, previous: bytes) -> bytes:
    """Return the hash of an entry after the one with the hash `previous`.

    The trigger `entries_are_chained` does the same in SQL.
    """
    microseconds = (head.recorded_at - _EPOCH) // timedelta(microseconds=1)
    lines: tuple[object, ...] = (
        *(head.kind, head.subject_id, head.sequence, microseconds),
        *(head.initiator_member_id, head.initiator_contact_id, head.initiator_application_id),
        *(head.change_request_id, head.correlation_id, head.initiator_system),
    )
    text = "\n".join("" if line is None else str(line) for line in lines)
    return sha256(ENTRY_TAG + previous + commitments + text.encode()).digest()
