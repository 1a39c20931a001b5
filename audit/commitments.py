"""What an entry commits to, the canonical form of it, and how entries are chained: docs/proof.md, byte for byte.

An entry's three commitments stay when its values are erased: to its paths, to its values and comment, and to the
document that resulted. The latter two are salted, so that without the salt nobody can try out what the values were.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

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

# Up to here every whole number is a double.
_EXACT = 2**53
# What a number can begin with becomes 0, what can stand before it becomes a comma.
_STARTS_OF_NUMBERS = bytes.maketrans(b"-123456789:[", b"0" * 10 + b",,")
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


def canonical_bytes(value: Any) -> bytes:
    """Return a JSON value as UTF-8 without white space, object keys by code point, numbers as ECMAScript writes them.

    The form depends on what a number is, not on how it was written: 1, 1.0 and 1e0 are the same.
    """
    try:
        written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # A whole number beyond 64 bits, as the database may write a double.
        return orjson.dumps(_with_numbers(value), option=orjson.OPT_SORT_KEYS)
    # Looking at every value in Python takes ten times as long as writing them, and most documents have no number.
    marked = b"," + written.translate(_STARTS_OF_NUMBERS)
    if b",0" in marked and not _is_plain(value):
        return orjson.dumps(_with_numbers(value), option=orjson.OPT_SORT_KEYS)
    return written


def _is_plain(value: Any) -> bool:
    """Return whether the serializer writes every number in the value as the canonical form has it."""
    kind = type(value)
    if kind is dict:
        items = value.values()
    elif kind is list or kind is tuple:
        items = value
    else:
        return kind is str or value is None or kind is bool or (kind is int and -_EXACT <= value <= _EXACT)
    # Most values are texts, and a call for each would take twice as long.
    return all(type(item) is str or item is None or _is_plain(item) for item in items)


def _with_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return list(map(_with_numbers, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return orjson.Fragment(_number(float(value)))


def _number(number: float) -> str:
    """Return the shortest text that reads as this double, in the form of ECMAScript's Number::toString."""
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("JSON has no such number")
    if not number:
        return "0"
    text = "".join(map(str, digits))
    point = len(text) + exponent
    if not -6 < point <= 21:
        mantissa = text[0] + (f".{text[1:]}" if text[1:] else "")
        written = f"{mantissa}e{point - 1:+d}"
    elif point <= 0:
        written = f"0.{'0' * -point}{text}"
    elif point < len(text):
        written = f"{text[:point]}.{text[point:]}"
    else:
        written = text.ljust(point, "0")
    return "-" * sign + written
