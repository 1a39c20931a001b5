"""Verifies seals: signatures, the chain from seal to seal and from key to key, and the roots over their entries."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Self

import orjson

from audit.commitments import HASH_BYTES
from proof.copies import SealCopy
from proof.keys import is_signed
from proof.merkle import root_of
from proof.sealing import FORM, NO_SEAL, hash_of_seal, leaves_of
from proof.verification.findings import Finding

# How far clocks differ, and how long a transaction may take.
_CLOCKS, _LONGEST = timedelta(minutes=5), timedelta(hours=1)


@dataclass
class Sealed:
    """What authentic seals say: the hash of the entry at each position, zeros where no seal is to be trusted.

    Of positions up to `base` it knows nothing.
    """

    base: int = 0
    hashes: bytearray = field(default_factory=bytearray)
    # The last position of each seal, and when it was sealed.
    ends: list[int] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    # Up to here entries were there before the first seal.
    begins: int = 0
    number: int = 0

    @property
    def last(self) -> int:
        return self.base + len(self.hashes) // HASH_BYTES

    def hash_at(self, position: int | None) -> bytes | None:
        """Return the hash that was sealed at a position; None if none was."""
        if position is None or not self.base < position <= self.last:
            return None
        end = (position - self.base) * HASH_BYTES
        found = bytes(self.hashes[end - HASH_BYTES : end])
        return found if any(found) else None

    def could_be_of(self, position: int, recorded_at: datetime) -> bool:
        """Return whether an entry of this time can have been sealed at this position."""
        if position <= self.begins:
            return True
        at = bisect_left(self.ends, position)
        if recorded_at > self.times[at] + _CLOCKS:
            return False
        return at == 0 or recorded_at > self.times[at - 1] - _LONGEST


class SealChain:
    """Goes through seals in their order and gathers what they say.

    `key` is the first seal's, if it is known from elsewhere.
    """

    def __init__(self, key: str | None = None) -> None:
        self.sealed = Sealed()
        self.findings: list[Finding] = []
        self.count = 0
        self._key = key
        self._previous: str | None = NO_SEAL
        # The last position of each seal by number, for those that a restore goes back to.
        self._ends = {0: 0}

    @classmethod
    def after(cls, seal: str) -> Self:
        """Return a chain that goes on after a seal with this body, which is taken as it is."""
        body = orjson.loads(seal)
        chain = cls(body["nextKey"] or body["key"])
        chain.sealed = Sealed(body["last"], begins=body["begins"], number=body["number"])
        chain._previous = hash_of_seal(seal)
        chain._ends = {body["number"]: body["last"]}
        return chain

    def follow(self, seals: Iterable[SealCopy], *, is_copy: bool) -> Iterator[tuple[dict[str, Any], list[str]]]:
        """Yield the body and the lines of each authentic seal. A copy knows seals that the database has lost."""
        for seal in seals:
            body = self._body(seal)
            if body is None:
                continue
            lines = seal.entries.split("\n") if seal.entries else []
            if not self._is_signed(body, seal):
                self.findings.append(_found(body, "its signature is not by the key that had to sign it"))
                # What follows is checked by itself.
                self.sealed.number, self._previous = self.sealed.number + 1, None
                continue
            if not self._follows(body, is_copy=is_copy):
                problem = "it does not follow the one before it: seals are missing or were replaced"
                self.findings.append(_found(body, problem))
            if not _has_root(body, seal, len(lines)):
                self.findings.append(_found(body, "its list of entries is another than the one that was sealed"))
                lines = []
            self._add(body, seal, lines)
            yield body, lines

    def end_of(self, number: int) -> int:
        """Return the last position of a seal, 0 if there is no such seal."""
        return self._ends.get(number, 0)

    def _body(self, seal: SealCopy) -> dict[str, Any] | None:
        try:
            body: dict[str, Any] = orjson.loads(seal.body)
            if body["form"] == FORM and body["last"] >= body["first"] - 1 and datetime.fromisoformat(body["time"]):
                return body
        except (ValueError, KeyError, TypeError):
            pass
        self.findings.append(Finding("", 0, 0, f"the seal after {self.sealed.number} cannot be read"))
        return None

    def _is_signed(self, body: dict[str, Any], seal: SealCopy) -> bool:
        return body["key"] == (self._key or body["key"]) and is_signed(seal.body, seal.signature, body["key"])

    def _follows(self, body: dict[str, Any], *, is_copy: bool) -> bool:
        number = self.sealed.number
        if body["restored"] is not None and not is_copy:
            # The seals that it follows are only in the copies.
            return bool(body["restored"] == number)
        return body["number"] == number + 1 and self._previous in (body["previous"], None)

    def _add(self, body: dict[str, Any], seal: SealCopy, lines: list[str]) -> None:
        sealed = self.sealed
        if body["restored"] is not None:
            self._go_back(self._ends.get(body["restored"], sealed.base))
        begin = (body["first"] - 1 - sealed.base) * HASH_BYTES
        if lines:
            hashes = b"".join(bytes.fromhex(line[-2 * HASH_BYTES :]) for line in lines)
        else:
            hashes = bytes(HASH_BYTES * (body["last"] - body["first"] + 1))
        sealed.hashes[begin:] = bytes(max(0, begin - len(sealed.hashes))) + hashes
        sealed.ends.append(body["last"])
        sealed.times.append(datetime.fromisoformat(body["time"]))
        sealed.begins, sealed.number = body["begins"], body["number"]
        self.count += 1
        self._ends[body["number"]] = body["last"]
        self._previous = hash_of_seal(seal.body)
        self._key = body["nextKey"] or body["key"]

    def _go_back(self, position: int) -> None:
        """Forget what was sealed after a position and is lost."""
        sealed = self.sealed
        del sealed.hashes[(position - sealed.base) * HASH_BYTES :]
        kept = bisect_left(sealed.ends, position + 1)
        del sealed.ends[kept:], sealed.times[kept:]


def _has_root(body: dict[str, Any], seal: SealCopy, count: int) -> bool:
    return count == body["last"] - body["first"] + 1 and root_of(leaves_of(seal.entries)).hex() == body["root"]


def _found(body: dict[str, Any], problem: str) -> Finding:
    covered = f"positions {body['first']} to {body['last']}" if body["last"] >= body["first"] else "no entry"
    return Finding("", 0, 0, f"seal {body['number']} ({covered}, {body['time']}): {problem}")


def fingerprint(seal: SealCopy) -> bytes:
    """Return a hash of all that a seal has."""
    return sha256(f"{seal.body}\n{seal.signature.hex()}\n{seal.entries}".encode()).digest()
