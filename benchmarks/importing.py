"""Importing contacts as a worker does: new ones, unchanged ones, and with one change in each.

New contacts are compared with the floor's loader, which cannot do more, and with django-import-export on a part of the
entries, because all of them would take an hour. Every round adds new contacts to the table.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import orjson
import psycopg

from benchmarks.data import ACTOR, document
from benchmarks.floor.loader import TABLES
from benchmarks.http import prepare_stock, stock_environment
from benchmarks.place import ENVIRONMENT, JSON_SCHEMA, PLACE, ROOT, conninfo, make_database
from benchmarks.report import Figure, ratio
from benchmarks.rounds import ROUNDS, forget_peak, peak_mib
from contacts.models import CONTACT_SCHEMA, CONTACT_TYPES
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.imports.uploads import store_uploads
from importexport.models import ImportJob, ImportKind, ImportStatus
from schemas.models import ListItem
from schemas.queries import current_schema

ENTRIES = 20_000
FEW = 500
FIRST = 10_000_000


def measure(*, entries: int = ENTRIES, rounds: int = ROUNDS) -> list[Figure]:
    """Measure the contacts per second of each."""
    floor = make_database("loader")
    with psycopg.connect(floor) as connection:
        connection.execute(TABLES)
    prepare_stock()
    found: dict[str, list[float]] = {name: [] for name in ("new", "again", "changed", "loader", "stock")}
    peak = 0
    for number in range(rounds):
        first = FIRST + number * entries
        new, changed, few = PLACE / "new.jsonl", PLACE / "changed.jsonl", PLACE / "few.json"
        write_entries(new, range(first, first + entries), note="Imported.")
        write_entries(changed, range(first, first + entries), note="Imported again.")
        few.write_text(json.dumps([orjson.loads(line) for line in new.read_bytes().splitlines()[:FEW]]))
        forget_peak()
        found["new"].append(entries / sync(new, "created", entries))
        found["loader"].append(entries / _load(new))
        found["again"].append(entries / sync(new, "unchanged", entries))
        found["changed"].append(entries / sync(changed, "updated", entries))
        peak = max(peak, peak_mib())
        found["stock"].append(FEW / _stock(few))
    rates = {name: median(each) for name, each in found.items()}
    return [
        Figure("import of new contacts", rates["new"], "/s", "stock", ratio(found["new"], found["stock"]), 30),
        Figure("import of new contacts", rates["new"], "/s", "loader", ratio(found["new"], found["loader"]), 0.5),
        Figure(
            "import, nothing changed", rates["again"], "/s", "import of new", ratio(found["again"], found["new"]), 1
        ),
        Figure(
            "import that changes each", rates["changed"], "/s", "loader", ratio(found["changed"], found["loader"]), 0.25
        ),
        Figure(f"memory of the imports of {entries:,}", peak, "MiB", goal=300, is_at_most=True),
    ]


def write_entries(file: Path, numbers: range, *, note: str) -> None:
    """Write a file with one entry per line; the numbers make keys and usernames unique."""
    schema = current_schema(CONTACT_SCHEMA)
    kind = ListItem.objects.get(list__key=CONTACT_TYPES, key="client").pk
    with file.open("wb") as output:
        for number in numbers:
            details = document(number % 5_000, schema)
            details["relationship"] = {**details.get("relationship", {}), "notes": note}
            entry = {
                "externalId": f"IMP-{number}",
                "contactTypeId": kind,
                "username": f"imported.{number}",
                "details": details,
            }
            output.write(orjson.dumps(entry) + b"\n")


def sync(file: Path, expected: str, entries: int) -> float:
    """Upload and sync a file. Return the seconds of the sync only, because uploads happen in the request."""
    with file.open("rb") as upload:
        store_uploads(actor=ACTOR, kind=ImportKind.CONTACTS, uploads=[upload])
    job = start_sync(actor=ACTOR, kind=ImportKind.CONTACTS, is_sent=False)
    began = time.perf_counter()
    run_job(job.pk)
    seconds = time.perf_counter() - began
    done = ImportJob.objects.get(pk=job.pk)
    assert done.status == ImportStatus.COMPLETED, done.error_message
    assert getattr(done, expected) == entries, (done.created, done.updated, done.unchanged, done.failed)
    return seconds


def _load(file: Path) -> float:
    """Run the loader in a separate process, so that its memory does not count for the import. Return its seconds."""
    command = [sys.executable, "-m", "benchmarks.floor.loader", str(file), conninfo("loader"), str(JSON_SCHEMA)]
    return float(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _stock(file: Path) -> float:
    return float(in_stock("benchmarks.stock.transfer", "import", str(file)).split()[-1])


def in_stock(program: str, *arguments: str) -> str:
    """Run a program of the stock project and return its output."""
    variables: Mapping[str, str] = {**os.environ, **ENVIRONMENT, **stock_environment(), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", program, *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, check=True, stdout=subprocess.PIPE, text=True).stdout
