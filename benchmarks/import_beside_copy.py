"""Speed of contact imports, compared with PostgreSQL's COPY of the same rows in the same run.

    python -m benchmarks.import_beside_copy [--contacts 100000]

Uploads made-up contacts (34 fields each, including arrays), syncs them as a worker does, and syncs them again. Then
dumps the imported rows, empties the tables and restores the rows with COPY in one transaction. Each run creates a new
database, which writes to disk as in production.
"""

import argparse
import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from benchmarks.place import PLACE, make_place  # first: it sets up Django

# isort: split
from django.db import connection, transaction

from benchmarks.importing import sync
from benchmarks.rounds import forget_peak, peak_mib
from contacts.models import CONTACT_SCHEMA, CONTACT_TYPES
from core.documents import canonical, changes_between
from devstack.demo.contacts import made_up
from schemas.models import ListItem
from schemas.queries import current_schema

PIECE = 1 << 20
TABLES = {
    "contacts_contact": "id, uid, type_id, username, details, version, created_at",
    "audit_entry": (
        "id, kind, subject_id, sequence, recorded_at, transaction_id, initiator_member_id, initiator_contact_id, "
        "initiator_application_id, initiator_system, correlation_id, changes, paths, comment, change_request_id, salt, "
        "commitments"
    ),
    "contacts_externalconnection": "id, contact_id, system, external_id",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=100_000)
    contacts = parser.parse_args().contacts
    make_place()
    file = PLACE / "contacts.json"
    fields = write_file(file, contacts)
    size = file.stat().st_size
    print(f"{contacts:,} contacts of {fields / contacts:.1f} fields and {size / contacts:,.0f} bytes on average")
    forget_peak()
    created = sync(file, "created", contacts)
    unchanged = sync(file, "unchanged", contacts)
    peak = peak_mib()
    copied = timed_copy(contacts)
    for name, seconds in (("sync, all new", created), ("sync again, unchanged", unchanged), ("COPY alone", copied)):
        print(f"  {name:24}{contacts / seconds:>10,.0f} rows/s{seconds:>9.2f} s   {copied / seconds:.2f} of COPY")
    print(f"  peak memory of upload and syncs: {peak} MiB")


def write_file(file: Path, contacts: int) -> int:
    """Write the entries as an array; return the total number of their fields."""
    schema = current_schema(CONTACT_SCHEMA)
    types = dict(ListItem.objects.filter(list__key=CONTACT_TYPES).values_list("key", "pk"))
    fields = 0
    with file.open("wb") as output:
        for number in range(contacts):
            client = made_up(number)
            details = canonical(client.details, objects=schema.object_paths)
            # A disabled field, which imports cannot set.
            details["relationship"].pop("formerClientNumber", None)
            fields += len(changes_between({}, details))
            entry = {
                "externalId": client.connections["Default"],
                "contactTypeId": types[client.type],
                "username": client.username,
                "details": details,
            }
            output.write((b",\n" if number else b"[\n") + orjson.dumps(entry))
        output.write(b"\n]\n")
    return fields


def timed_copy(contacts: int) -> float:
    """Dump the rows, empty the tables and restore the rows; return the seconds of the restore."""
    with connection.cursor() as cursor:
        for table, columns in TABLES.items():
            source = f"COPY {table} ({columns}) TO STDOUT"
            with gzip.open(PLACE / table, "wb", compresslevel=1) as output, cursor.copy(source) as copy:
                for piece in copy:
                    output.write(piece)
        # Disables the triggers that reject TRUNCATE.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("CHECKPOINT")
        seconds = 0.0
        # Reading the dump is not timed.
        with transaction.atomic():
            for table, columns in TABLES.items():
                with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                    for piece in pieces(PLACE / table):
                        began = time.perf_counter()
                        copy.write(piece)
                        seconds += time.perf_counter() - began
                    began = time.perf_counter()
                seconds += time.perf_counter() - began
            began = time.perf_counter()
        seconds += time.perf_counter() - began
        cursor.execute("SELECT count(*) FROM contacts_contact")
        assert cursor.fetchone() == (contacts,)
    return seconds


def pieces(file: Path) -> Iterator[bytes]:
    with gzip.open(file, "rb") as rows:
        while piece := rows.read(PIECE):
            yield piece


if __name__ == "__main__":
    main()
