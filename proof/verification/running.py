"""Runs a verification: the seals first, then the entries that they cover, with several processes at once."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from django.db import connection, connections, transaction

from audit.entries import ERASURE
from proof.copies import SealCopy, seals_of_database, seals_of_file
from proof.models import Seal
from proof.verification.chains import Chains, Erased
from proof.verification.findings import Finding
from proof.verification.rows import (
    Subjects,
    all_subjects,
    erased_until,
    names_at,
    rows_between,
    rows_of,
    without_entries,
)
from proof.verification.seals import SealChain, Sealed, fingerprint


@dataclass
class Report:
    """The outcome of a verification. `begins` is the time of the first seal, None without one."""

    findings: list[Finding] = field(default_factory=list)
    entries: int = 0
    erased: int = 0
    unsealed: int = 0
    seals: int = 0
    last_seal: int = 0
    begins: datetime | None = None
    # How many of the entries were there before the first seal.
    older: int = 0

    def add(self, part: "Part") -> None:
        self.findings += part.findings
        self.entries += part.entries
        self.erased += part.erased
        self.unsealed += part.unsealed


@dataclass(frozen=True, slots=True)
class Part:
    """What one process found among some subjects."""

    findings: Sequence[Finding]
    entries: int
    erased: int
    unsealed: int


@dataclass(frozen=True, slots=True)
class Basis:
    """What every process needs: what was sealed and erased, and the snapshot of the database, if they share one."""

    sealed: Sealed
    erased: Erased
    now: datetime
    snapshot: str | None


def verify_all(*, public_key: str | None = None, copies: Path | None = None, processes: int = 2) -> Report:
    """Verify every seal, entry and present document, at one moment.

    The first seal is by `public_key`, if that is given; `copies` is a file of seals that counts instead of the
    database's. Raises OSError and ValueError for such a file.
    """
    with _snapshot() as (snapshot, now):
        report, chain = _verified_seals(public_key, copies)
        pieces = all_subjects()
        basis = Basis(chain.sealed, erased_until(_kinds(pieces)), now, snapshot)
        for part in _in_processes(basis, pieces, processes):
            report.add(part)
    return _sorted(report)


def verify_since(number: int, *, public_key: str | None = None, copies: Path | None = None) -> Report:
    """Verify the seals, and the entries that were sealed after one of them, each after the one before it."""
    with _snapshot() as (_id, now):
        report, chain = _verified_seals(public_key, copies, since=number)
        sealed, first = chain.sealed, 1 + chain.end_of(number)
        rows = rows_between(first, max(sealed.last, first))
        basis = Basis(sealed, erased_until(_kinds(all_subjects())), now, None)
        report.add(_part(basis, rows, is_whole=False))
    return _sorted(report)


def verify_between(after: int, until: int) -> Report:
    """Verify the seals after one up to another, and their entries. The former is taken as it is."""
    with _snapshot() as (_id, now):
        before = Seal.objects.filter(number=after).values_list("body", flat=True).first()
        chain = SealChain() if before is None else SealChain.after(before)
        report = _followed(chain, seals_of_database(after=after, until=until), is_copy=False)
        sealed = chain.sealed
        rows = rows_between(sealed.base + 1, sealed.last)
        basis = Basis(sealed, erased_until(_kinds(all_subjects())), now, None)
        report.add(_part(basis, rows, is_whole=False))
    return _sorted(report)


def verify_subjects(
    kinds: Sequence[str], subject_id: int, *, public_key: str | None = None, copies: Path | None = None
) -> Report:
    """Verify the seals, and everything of one subject."""
    with _snapshot() as (_id, now):
        report, chain = _verified_seals(public_key, copies, names=(kinds, subject_id))
        basis = Basis(chain.sealed, erased_until([ERASURE + kind for kind in kinds]), now, None)
        for kind in (*kinds, *(ERASURE + kind for kind in kinds)):
            report.add(_verified(basis, Subjects(kind, subject_id, subject_id + 1)))
    return _sorted(report)


@contextmanager
def _snapshot() -> Iterator[tuple[str, datetime]]:
    """Read everything within the block as of one moment. Yields the snapshot's id and the moment."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot(), clock_timestamp()")
        yield cursor.fetchone()


def _verified_seals(
    public_key: str | None, copies: Path | None, *, since: int = 0, names: tuple[Sequence[str], int] | None = None
) -> tuple[Report, SealChain]:
    """Verify all seals; which entries are where, only after a seal or of one subject."""
    found: list[Finding] = []
    seals = seals_of_database() if copies is None else _compared(copies, found)
    chain = SealChain(public_key)
    report = _followed(chain, seals, is_copy=copies is not None, since=since, names=names)
    report.findings += found
    return report, chain


def _followed(
    chain: SealChain,
    seals: Iterator[SealCopy],
    *,
    is_copy: bool,
    since: int = 0,
    names: tuple[Sequence[str], int] | None = None,
) -> Report:
    report = Report()
    found: list[Finding] = []
    for body, lines in chain.follow(seals, is_copy=is_copy):
        report.begins = report.begins or datetime.fromisoformat(body["time"])
        if body["number"] > since:
            found += _misplaced(body, lines, names)
    report.findings = chain.findings + found
    report.seals, report.last_seal, report.older = chain.count, chain.sealed.number, chain.sealed.begins
    return report


def _compared(copies: Path, found: list[Finding]) -> Iterator[SealCopy]:
    """Yield the copies of seals, and find what the database has otherwise."""
    own = set(map(fingerprint, seals_of_database()))
    for seal in seals_of_file(copies):
        if fingerprint(seal) not in own:
            found.append(Finding("", 0, 0, f"the database has no such seal as the copy: {seal.body[:200]}"))
        yield seal


def _misplaced(
    body: dict[str, Any], lines: Sequence[str], names: tuple[Sequence[str], int] | None
) -> Iterator[Finding]:
    """Find sealed entries that are gone, or that another entry has taken the place of."""
    if names is not None:
        wanted = {f"{kind} {names[1]}" for kind in names[0]}
        lines = [line for line in lines if " ".join(line.split(" ")[1:-2]) in wanted]
    if not lines:
        return
    places = {}
    if names is None:
        places = names_at(body["first"], body["last"])
    for line in lines:
        position, name = line.rsplit(" ", 1)[0].split(" ", 1)
        at = int(position)
        stored = places.get(at) if names is None else names_at(at, at).get(at)
        if stored != name:
            kind, subject_id, sequence = name.rsplit(" ", 2)
            now = "it is gone" if stored is None else f"{stored} has its place"
            yield Finding(kind, int(subject_id), int(sequence), f"it was sealed at position {position}, and {now}")


def _part(basis: Basis, rows: Any, *, is_whole: bool) -> Part:
    chains = Chains(basis.sealed, basis.erased, now=basis.now, is_whole=is_whole)
    findings = list(chains.verify(rows))
    return Part(findings, chains.entries, chains.erased, chains.unsealed)


def _verified(basis: Basis, subjects: Subjects) -> Part:
    part = _part(basis, rows_of(subjects), is_whole=True)
    lost = [Finding(subjects.kind, pk, 0, "it has no history") for pk in without_entries(subjects)]
    return Part([*part.findings, *lost], part.entries, part.erased, part.unsealed)


# What processes inherit from the one that starts them.
_basis: Basis | None = None


def _in_processes(basis: Basis, pieces: Sequence[Subjects], processes: int) -> Iterator[Part]:
    """Yield what processes of their own find in the pieces; in this one, if one is enough."""
    global _basis
    if processes < 2 or len(pieces) < 2:
        yield from (_verified(basis, subjects) for subjects in pieces)
        return
    _basis = basis
    with ProcessPoolExecutor(processes, get_context("fork"), _leave_connections) as pool:
        tasks = [pool.submit(_verified_by_other, subjects) for subjects in pieces]
        for task in as_completed(tasks):
            yield task.result()


def _leave_connections() -> None:
    """Leave the connections to the process that made them: psycopg closes none that another process has opened."""
    for opened in connections.all(initialized_only=True):
        del connections[opened.alias]


def _verified_by_other(subjects: Subjects) -> Part:
    basis = _basis
    if basis is None:
        raise RuntimeError("there is nothing to verify with")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET TRANSACTION SNAPSHOT %s", [basis.snapshot])
        return _verified(basis, subjects)


def _kinds(pieces: Sequence[Subjects]) -> list[str]:
    return sorted({subjects.kind for subjects in pieces})


def _sorted(report: Report) -> Report:
    report.findings.sort()
    return report
