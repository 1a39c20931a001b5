"""Copies of seals outside of the database: a file of JSON lines, to which is only added."""

import fcntl
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson
from django.conf import settings

from proof.models import Seal

_TAIL = 1 << 16


@dataclass(frozen=True, slots=True)
class SealCopy:
    """A seal as it is in the database or in a copy."""

    body: str
    signature: bytes
    entries: str


def copy_seals() -> None:
    """Add to SEAL_FILE the seals that it lacks. Locks the file. Raises OSError."""
    if not settings.SEAL_FILE:
        return
    with Path(settings.SEAL_FILE).open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = _last_line(file)
        _drop_part(file)
        for seal in Seal.objects.filter(number__gt=number_of(_read(last)) if last else 0).iterator(chunk_size=1):
            file.write(line_of(seal) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def seals_of_database(*, after: int = 0, until: int | None = None) -> Iterator[SealCopy]:
    """Yield the seals after one, up to another if that is given, in order."""
    seals = Seal.objects.filter(number__gt=after)
    for seal in (seals if until is None else seals.filter(number__lte=until)).iterator(chunk_size=1):
        yield SealCopy(seal.body, bytes(seal.signature), seal.entries)


def seals_of_file(path: Path) -> Iterator[SealCopy]:
    """Yield the seals of a file. Raises OSError; ValueError for a line that is no seal."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield _read(line)
            except (ValueError, KeyError, TypeError) as problem:
                raise ValueError(f"line {number} of {path} is no seal") from problem


def _drop_part(file: BinaryIO) -> None:
    """Cut off what follows the last whole line."""
    end = file.seek(0, os.SEEK_END)
    size = 1
    while end and size:
        size = min(_TAIL, end)
        file.seek(end - size)
        found = file.read(size).rfind(b"\n")
        if found >= 0:
            end += found + 1 - size
            break
        end -= size
    file.truncate(end)


def line_of(seal: Seal) -> bytes:
    """Return a seal as a line of the file, without its end."""
    signature = b64encode(bytes(seal.signature)).decode()
    return orjson.dumps({"body": seal.body, "entries": seal.entries, "signature": signature})


def last_copy() -> SealCopy | None:
    """Return the last seal of SEAL_FILE. Raises OSError."""
    if not settings.SEAL_FILE or not Path(settings.SEAL_FILE).exists():
        return None
    with Path(settings.SEAL_FILE).open("rb") as file:
        line = _last_line(file)
    return _read(line) if line else None


def number_of(seal: SealCopy) -> int:
    return int(orjson.loads(seal.body)["number"])


def _read(line: bytes) -> SealCopy:
    found = orjson.loads(line)
    return SealCopy(found["body"], b64decode(found["signature"]), found["entries"])


def _last_line(file: BinaryIO) -> bytes:
    """Return the last whole line, empty if there is none. A process that was killed may have left a part behind it."""
    end = file.seek(0, os.SEEK_END)
    size = _TAIL
    while True:
        start = max(0, end - size)
        file.seek(start)
        whole, newline, _part = file.read(end - start).rpartition(b"\n")
        if not start or b"\n" in whole:
            return whole.rpartition(b"\n")[2] if newline else b""
        size *= 2
