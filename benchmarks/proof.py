"""Chaining, sealing and verifying the ledger, compared with reading the same rows."""

import subprocess
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection

from audit.chaining import chain_entries
from audit.models import Entry
from benchmarks.place import PLACE
from benchmarks.report import Figure
from proof.sealing import seal_ledger
from proof.verification.running import verify_all

ROWS = (
    "COPY (SELECT * FROM audit_entry ORDER BY kind, subject_id, sequence) TO STDOUT",
    "COPY (SELECT id, version, details FROM contacts_contact ORDER BY id) TO STDOUT",
)


def measure() -> list[Figure]:
    """Measure once over all that the database has by then: the second time there is nothing left to chain."""
    key = PLACE / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    settings.SEAL_KEY_FILES, settings.SEAL_FILE = [str(key)], str(PLACE / "seals.jsonl")
    unchained = Entry.objects.filter(entry_hash=None).count()
    entries = Entry.objects.count()
    chaining = _seconds(chain_entries)
    sealing = _seconds(seal_ledger)
    reading = _seconds(_read)
    report = None

    def verify() -> None:
        nonlocal report
        report = verify_all(processes=2)

    verifying = _seconds(verify)
    assert report is not None
    assert report.findings == []
    assert report.entries == entries
    return [
        Figure(f"chaining of {unchained:,} entries from before", unchained / chaining, "/s"),
        Figure(f"numbering and sealing of {entries:,} entries", entries / sealing, "/s"),
        Figure(
            f"verifying {entries:,} entries and their contacts", entries / verifying, "/s", "COPY", reading / verifying
        ),
    ]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _read() -> None:
    with connection.cursor() as cursor:
        for statement in ROWS:
            with cursor.copy(statement) as copy:
                for _piece in copy:
                    pass
