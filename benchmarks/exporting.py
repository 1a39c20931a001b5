"""Exporting contacts: the whole job, compared with PostgreSQL's COPY of the same columns and django-import-export.

The job claims its row, counts, sorts and joins the rows, escapes formulas, and writes and stores the file. COPY only
extracts the same fields from the details into a file on the same disk.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from django.db import connection

from benchmarks.data import ACTOR
from benchmarks.http import prepare_stock
from benchmarks.importing import in_stock
from benchmarks.place import PLACE, ROOT
from benchmarks.report import Figure, ratio
from benchmarks.rounds import ROUNDS, forget_peak, peak_mib
from contacts.models import CONTACT_SCHEMA
from importexport.exports.columns import exported_fields
from importexport.exports.running import run_export
from importexport.models import ExportJob, ExportKind, ExportStatus
from schemas.models import Schema
from schemas.queries import current_schema
from schemas.services.schemas import publish_schema

COLUMNS = 20
FEW = 2_000


def measure(*, rounds: int = ROUNDS) -> list[Figure]:
    """Measure the rows per second of each."""
    publish(COLUMNS)
    paths = [field.path for field in exported_fields(current_schema(CONTACT_SCHEMA).fields.values())]
    prepare_stock()
    found: dict[str, list[float]] = {name: [] for name in ("export", "COPY", "stock")}
    peak = 0
    for number in range(-1, rounds):
        forget_peak()
        exported = rate_of(export, paths)
        peak = max(peak, peak_mib())
        copied = rate_of(copy_alone, paths)
        if number >= 0:
            found["export"].append(exported)
            found["COPY"].append(copied)
            seconds = float(in_stock("benchmarks.stock.transfer", "export", str(FEW), *paths).split()[-1])
            found["stock"].append(FEW / seconds)
    rate = median(found["export"])
    return [
        Figure(f"export of {COLUMNS} fields", rate, "/s", "stock", ratio(found["export"], found["stock"]), 10),
        Figure(f"export of {COLUMNS} fields", rate, "/s", "COPY", ratio(found["export"], found["COPY"]), 0.5),
        Figure("memory of the exports", peak, "MiB", goal=300, is_at_most=True),
    ]


def publish(limit: int) -> None:
    """Publish the default schema with only its first `limit` exportable fields."""
    definition = json.loads((ROOT / "schemas" / "data" / "contact.json").read_text("utf-8"))
    kept = [field.path for field in exported_fields(current_schema(CONTACT_SCHEMA).fields.values())][:limit]
    hide(definition["elements"], frozenset(kept))
    publish_schema(
        actor=ACTOR,
        key=CONTACT_SCHEMA,
        definition_text=json.dumps(definition),
        concurrency_token=Schema.objects.get(key=CONTACT_SCHEMA).concurrency_token,
    )


def hide(elements: Sequence[dict[str, Any]], kept: frozenset[str], above: str = "") -> None:
    """Remove `isExportable` from every field except those at the `kept` paths."""
    for element in elements:
        path = above + element["key"]
        if path not in kept:
            element.pop("isExportable", None)
            hide(element.get("elements", []), kept, above if element["type"] == "group" else f"{path}.")


def export(paths: Sequence[str]) -> int:
    """Run the job as a worker does; return the number of rows."""
    job = ExportJob.objects.create(kind=ExportKind.CONTACTS, requested_by_system=ACTOR.name)
    run_export(job.pk)
    job.refresh_from_db()
    assert job.status == ExportStatus.COMPLETED, job.error_message
    return job.processed


def copy_alone(paths: Sequence[str]) -> int:
    """Run COPY (SELECT details -> 'section' ->> 'field' ...) TO STDOUT; return the number of rows."""
    cells = ("details" + "".join(f" -> '{key}'" for key in path.split(".")) for path in paths)
    columns = ", ".join(" ->> ".join(cell.rsplit(" -> ", 1)) for cell in cells)
    with tempfile.NamedTemporaryFile(dir=PLACE) as file, connection.cursor() as cursor:
        with cursor.copy(f"COPY (SELECT {columns} FROM contacts_contact) TO STDOUT (FORMAT csv)") as copy:
            for block in copy:
                file.write(block)
        return int(cursor.rowcount)


def rate_of(work: Callable[[Sequence[str]], int], paths: Sequence[str]) -> float:
    began = time.perf_counter()
    rows = work(paths)
    return rows / (time.perf_counter() - began)
