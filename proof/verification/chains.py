"""Verifies the entries of subjects, each after the one before it, against what was sealed."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import orjson

from audit.commitments import NO_PREVIOUS, document_commitment, entry_hash, paths_commitment, values_commitment
from audit.documents import document_tables
from core.documents import paths_with_ancestors
from proof.verification.findings import Finding
from proof.verification.rows import Row
from proof.verification.seals import Sealed

# After so long everything that was written has been sealed.
_UNSEALED = timedelta(hours=1)

_OTHER_HASH = "its hash is not what was sealed"

Erased = Mapping[tuple[str, int], int]


class Chains:
    """Goes through entries by kind, subject and sequence.

    `is_whole`: from the first entry of each subject to its last; otherwise some of them. `now` is when they were read.
    """

    def __init__(self, sealed: Sealed, erased: Erased, *, now: datetime, is_whole: bool) -> None:
        self.entries = self.erased = self.unsealed = 0
        self._sealed = sealed
        self._erased = erased
        self._now = now
        self._is_whole = is_whole
        self._documented = document_tables().keys()

    def verify(self, rows: Iterable[Row]) -> Iterator[Finding]:
        """Yield what is wrong with each entry."""
        last: Row | None = None
        is_wrong = False
        for row in rows:
            if last is not None and _subject(last) != _subject(row):
                yield from self._ended(last)
                last, is_wrong = None, False
            problems = list(self._problems(row, last))
            # Whoever changes an entry and computes the hashes of those after it anew has not changed these.
            if problems and not (is_wrong and problems == [_OTHER_HASH]):
                yield _finding(row, "; ".join(problems))
            is_wrong = bool(problems)
            self.entries += 1
            last = row
        if last is not None:
            yield from self._ended(last)

    def _ended(self, last: Row) -> Iterator[Finding]:
        if self._is_whole and last.head.kind in self._documented and last.document is None:
            yield _finding(last, "the present document is not of this version, which is the last")

    def _problems(self, row: Row, last: Row | None) -> Iterator[str]:
        sequence = row.head.sequence
        before = last.head.sequence if last is not None else 0
        if self._is_whole and sequence != before + 1:
            gone = f"{before + 1}" if sequence == before + 2 else f"{before + 1} to {sequence - 1}"
            yield f"entry {gone} before it is missing"
        if row.commitments is None or row.entry_hash is None or len(row.commitments) != 96:
            if row.position is not None and row.position <= self._sealed.last:
                yield "it has lost what it commits to"
            else:
                self.unsealed += 1
            return
        yield from self._problems_with_values(row, bytes(row.commitments))
        yield from self._problems_with_hash(row, last, bytes(row.commitments))
        if row.document is not None:
            committed = document_commitment(bytes(row.salt or b""), orjson.loads(row.document))
            if row.salt is None or committed != bytes(row.commitments)[64:]:
                yield "the present document is not the one that it left"

    def _problems_with_values(self, row: Row, commitments: bytes) -> Iterator[str]:
        changes = orjson.loads(row.changes)
        paths = tuple(change["path"] for change in changes)
        if paths_commitment(paths) != commitments[:32] or list(row.paths) != paths_with_ancestors(paths):
            yield "its paths were changed"
        if row.salt is not None:
            if values_commitment(bytes(row.salt), changes, row.comment) != commitments[32:64]:
                yield "its values, its comment or its salt were changed"
            return
        self.erased += 1
        if row.comment is not None or any(
            change["original"] is not None or change["target"] is not None for change in changes
        ):
            yield "it has values but no salt"
        if row.head.sequence > self._erased.get((row.head.kind, row.head.subject_id), 0):
            yield "its values are gone, and no entry says that they were erased"

    def _problems_with_hash(self, row: Row, last: Row | None, commitments: bytes) -> Iterator[str]:
        sealed = self._sealed.hash_at(row.position)
        previous = self._previous(row, last)
        made = None if previous is None else entry_hash(row.head, commitments, previous)
        stored = bytes(row.entry_hash or b"")
        if sealed is not None:
            if (made or stored) != sealed:
                yield "it is not what was sealed"
            elif stored != sealed:
                yield _OTHER_HASH
            elif row.position and not self._sealed.could_be_of(row.position, row.head.recorded_at):
                yield f"it says {row.head.recorded_at.isoformat()}, which is not when it was sealed"
            return
        self.unsealed += 1
        if made is not None and made != stored:
            yield "its hash is wrong"
        if self._sealed.times and not self._could_be_unsealed(row):
            yield "it should have been sealed"

    def _previous(self, row: Row, last: Row | None) -> bytes | None:
        """Return the hash of the entry before, as it was sealed if it was; None if it is unknown."""
        if row.head.sequence == 1:
            return NO_PREVIOUS
        if last is not None and last.head.sequence == row.head.sequence - 1:
            stored, position = last.entry_hash, last.position
        else:
            stored, position = row.before
        return self._sealed.hash_at(position) or (None if stored is None else bytes(stored))

    def _could_be_unsealed(self, row: Row) -> bool:
        is_later = row.position is None or row.position > self._sealed.last
        since = min(self._now, self._sealed.times[-1]) - _UNSEALED
        return is_later and since < row.head.recorded_at <= self._now + _UNSEALED


def _subject(row: Row) -> tuple[str, int]:
    return row.head.kind, row.head.subject_id


def _finding(row: Row, problem: str) -> Finding:
    return Finding(row.head.kind, row.head.subject_id, row.head.sequence, problem)
