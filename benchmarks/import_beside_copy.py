"""How fast contacts are imported, beside PostgreSQL's COPY of the same rows in the same run.

    python -m benchmarks.import_beside_copy [--contacts 100000]

Contacts are made up (34 fields each, some of them arrays), uploaded, synced as a worker does it, and synced again.
Then the very rows that the import made are taken out, the tables emptied, and the rows written back by COPY and nothing
else, in one transaction. The database is made anew each time, and writes to the disk as in production.
"""

import argparse
import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from benchmarks.place import PLACE, make_place  # first: it makes Django ready

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
    "contacts_changeset": (
        "id, contact_id, version, executed_at, initiator_member_id, initiator_contact_id, initiator_application_id, "
        "initiator_system, changes, paths, comment"
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
    """Write the entries as an array; how many fields they have together."""
    schema = current_schema(CONTACT_SCHEMA)
    types = dict(ListItem.objects.filter(list__key=CONTACT_TYPES).values_list("key", "pk"))
    fields = 0
    with file.open("wb") as output:
        for number in range(contacts):
            client = made_up(number)
            details = canonical(client.details, objects=schema.object_paths)
            # A disabled field, which nobody may set.
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
    """Take the rows out, empty the tables and write the rows back: the seconds of the last."""
    with connection.cursor() as cursor:
        for table, columns in TABLES.items():
            source = f"COPY {table} ({columns}) TO STDOUT"
            with gzip.open(PLACE / table, "wb", compresslevel=1) as output, cursor.copy(source) as copy:
                for piece in copy:
                    output.write(piece)
        # The triggers that refuse it, and that check each batch, are Kontor's, not COPY's.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("CHECKPOINT")
        seconds = 0.0
        # What it takes to read the rows does not count.
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
