"""How fast contacts are exported, beside PostgreSQL's COPY of the same columns in the same run.

    python -m benchmarks.export [--contacts 100000] [--rounds 3]

The export is the whole job: its row is taken, the rows are counted, sorted, joined and neutralised, the file is written
and stored, and the row says so. COPY extracts the same fields from the details, into a file on the same disk, and does
nothing else. Both take turns, and the best of the rounds counts. The database is made anew each time.
"""

import argparse
import io
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from accounts.actor import system_actor
from benchmarks import PLACE, ROOT
from config import embedded
from config.demo.contacts import made_up
from contacts.details import canonical
from contacts.models import CONTACT_SCHEMA, CONTACT_TYPES
from importexport.exports.columns import exported_fields
from importexport.exports.running import run_export
from importexport.models import ExportJob, ExportKind, ExportStatus
from schemas.models import ListItem, Schema
from schemas.queries import current_schema
from schemas.services.schemas import publish_schema

ACTOR = system_actor("benchmark")
COLUMNS = 20
DISTINCT = 2_000
FILL = """
    INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)
    SELECT gen_random_uuid(), %(type)s, 'user.' || series.number, made_up.document, 1, now()
      FROM generate_series(1, %(contacts)s) AS series (number)
      JOIN made_up ON made_up.number = series.number %% %(distinct)s + 1
     ORDER BY series.number
"""
CONNECT = """
    INSERT INTO contacts_externalconnection (contact_id, system, external_id)
    SELECT id, 'Default', 'CBS-' || id FROM contacts_contact
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    shutil.rmtree(PLACE, ignore_errors=True)
    embedded.ensure_running(PLACE, durable=False)
    fill(options.contacts)
    print(f"{options.contacts:,} contacts, made of {DISTINCT:,} made-up ones; the best of {options.rounds} rounds")
    for limit in (COLUMNS, None):
        publish(limit)
        compare(options.contacts, options.rounds)


def fill(contacts: int) -> None:
    """So many contacts, each known to the core banking system: the documents of the demo, as often as it takes."""
    call_command("migrate", verbosity=0)
    call_command("load_schemas", stdout=io.StringIO())
    schema = current_schema(CONTACT_SCHEMA)
    kind = ListItem.objects.get(list__key=CONTACT_TYPES, key="client")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE made_up (number integer PRIMARY KEY, document jsonb)")
        with cursor.copy("COPY made_up FROM STDIN") as copy:
            for number in range(1, DISTINCT + 1):
                document = canonical(made_up(number).details, objects=schema.object_paths)
                copy.write_row((number, json.dumps(document)))
        cursor.execute(FILL, {"type": kind.pk, "contacts": contacts, "distinct": DISTINCT})
        cursor.execute(CONNECT)
        for table in ("contacts_contact", "contacts_externalconnection"):
            cursor.execute(f"VACUUM ANALYZE {table}")


def publish(limit: int | None) -> None:
    """Make the first `limit` columns of the shipped schema the only ones; None makes it all of them."""
    definition = json.loads((ROOT / "schemas" / "data" / "contact.json").read_text("utf-8"))
    kept = [field.path for field in exported_fields(current_schema(CONTACT_SCHEMA).fields.values())][:limit]
    if limit is not None:
        hide(definition["elements"], frozenset(kept))
    publish_schema(
        actor=ACTOR,
        key=CONTACT_SCHEMA,
        definition_text=json.dumps(definition),
        concurrency_token=Schema.objects.get(key=CONTACT_SCHEMA).concurrency_token,
    )


def hide(elements: Sequence[dict[str, Any]], kept: frozenset[str], above: str = "") -> None:
    """Take the mark from every field that is not to be kept."""
    for element in elements:
        path = above + element["key"]
        if path not in kept:
            element.pop("isExportable", None)
            hide(element.get("elements", []), kept, above if element["type"] == "group" else f"{path}.")


def compare(contacts: int, rounds: int) -> None:
    """Print rows per second of both, the ratio, and the most memory that the process took while it exported."""
    paths = [field.path for field in exported_fields(current_schema(CONTACT_SCHEMA).fields.values())]
    forget_peak()
    best = {export: float("inf"), copy_alone: float("inf")}
    peak = 0
    for _round in range(rounds):
        for work in best:
            forget_peak()
            started = time.perf_counter()
            rows = work(paths)
            best[work] = min(best[work], time.perf_counter() - started)
            assert rows == contacts
            peak = max(peak, peak_mib()) if work is export else peak
    exported, copied = (contacts / seconds for seconds in best.values())
    print(f"\n{len(paths)} columns of the details")
    print(f"  export  {exported:>10,.0f} rows/s  {best[export]:6.2f} s  (and 5 columns of the contact itself)")
    print(f"  COPY    {copied:>10,.0f} rows/s  {best[copy_alone]:6.2f} s")
    print(f"  ratio   {exported / copied:>10.2f}           peak memory {peak} MiB")


def export(paths: Sequence[str]) -> int:
    """The job, as a worker does it."""
    job = ExportJob.objects.create(kind=ExportKind.CONTACTS, requested_by_system=ACTOR.name)
    run_export(job.pk)
    job.refresh_from_db()
    assert job.status == ExportStatus.COMPLETED, job.error_message
    return job.processed


def copy_alone(paths: Sequence[str]) -> int:
    """COPY (SELECT details -> 'section' ->> 'field' ...) TO STDOUT."""
    cells = ("details" + "".join(f" -> '{key}'" for key in path.split(".")) for path in paths)
    columns = ", ".join(" ->> ".join(cell.rsplit(" -> ", 1)) for cell in cells)
    with tempfile.NamedTemporaryFile(dir=PLACE) as file, connection.cursor() as cursor:
        with cursor.copy(f"COPY (SELECT {columns} FROM contacts_contact) TO STDOUT (FORMAT csv)") as copy:  # noqa: S608
            for block in copy:
                file.write(block)
        return int(cursor.rowcount)


def forget_peak() -> None:
    """Let the kernel count the peak anew from here."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mib() -> int:
    """VmHWM: the most memory that this process had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
