"""`python -m benchmarks.scale [--contacts 5000000] [--entries 10]`: sizes and times of a large installation.

Fills the tables in the database, with their triggers and secondary indexes off, and prints what each takes on the disk;
then reads, changes, lists and exports, beside the same with a thousand contacts. With the defaults it needs 60 GB.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import place  # first: it sets up Django

# isort: split
from django.db import connection

from accounts.models import Participant
from benchmarks import data, exporting, http, searching
from benchmarks.__main__ import say
from benchmarks.report import Figure, table, write
from contacts.models import CONTACT_SCHEMA, CONTACT_TYPES, SearchFill
from contacts.services.search_keys import fill_search_keys
from events.services.numbering import number_all_events
from importexport.exports.columns import exported_fields
from schemas.models import ListItem
from schemas.queries import current_schema

FEW, CONTACTS, ENTRIES = 1_000, 5_000_000, 10
CHUNK = 500_000
TABLES = (
    "contacts_contact",
    "contacts_searchkeys",
    "audit_entry",
    "events_event",
    "contacts_contactparticipant",
    "contactgroups_contactgroup",
    "contactgroups_groupmembership",
)
# As old histories are: in the order of time, so that the entries of one contact are far from each other.
HISTORY = """
    INSERT INTO audit_entry (kind, subject_id, sequence, recorded_at, transaction_id, initiator_system, changes, paths)
    SELECT 'contact-details', id, %(sequence)s,
           created_at - (%(entries)s - %(sequence)s) * interval '90 days' + id * interval '1 second',
           CASE WHEN %(sequence)s = %(entries)s THEN pg_current_xact_id() END, 'benchmark',
           jsonb_build_array(
               jsonb_build_object('path', 'personalInformation.lastName',
                                  'original', CASE WHEN %(sequence)s > 1 THEN md5((id + %(sequence)s - 1)::text) END,
                                  'target', md5((id + %(sequence)s)::text)),
               jsonb_build_object('path', 'contactInformation.address.street', 'original', NULL,
                                  'target', md5((id * 7 + %(sequence)s)::text))),
           ARRAY['personalInformation', 'personalInformation.lastName', 'contactInformation',
                 'contactInformation.address', 'contactInformation.address.street']
      FROM contacts_contact WHERE id > %(after)s ORDER BY id
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--contacts", type=int, default=CONTACTS)
    parser.add_argument("--entries", type=int, default=ENTRIES, help="of the ledger, for each contact")
    parser.add_argument("--json", type=Path, default=place.ROOT / "var" / "scale.json", metavar="FILE")
    options = parser.parse_args()
    figures = measured(options.contacts, options.entries)
    write(figures, options.json, contacts=options.contacts, parts=["scale"])
    print(f"\n{table(figures)}\n\n{options.json}")


def measured(contacts: int, entries: int) -> list[Figure]:
    place.make_place()
    data.stage_documents()
    data.fill_contacts(FEW)
    small = http.kept("few")
    fill(contacts, entries)
    figures = _sizes(contacts)
    for line in figures:
        print(f"{line.work}: {line.value:,.0f} {line.unit}", file=sys.stderr)
    say("GET, PATCH, access check")
    figures += http.flatness(small, few=FEW, many=contacts)
    say("change requests")
    figures += searching.requests()
    say("export")
    figures.append(_export())
    return figures


def fill(contacts: int, entries: int) -> None:
    """Fill the tables up to so many contacts, each with `entries` entries in its history; the last ones are events."""
    with connection.cursor() as cursor:
        # The triggers would refuse what is written in bulk, and check each row against others.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute("SELECT max(id) FROM contacts_contact")
        (after,) = cursor.fetchone()
    with _without_indexes(TABLES):
        _fill_contacts(after, contacts, entries)
        _fill_history(after, entries)
        _fill_what_belongs(after)
        say("search keys")
        SearchFill.objects.update(filled_to=after, awaited=None)
        fill_search_keys()
        say("build the indexes")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = origin")
    say("number the latest entries")
    number_all_events()
    say("VACUUM ANALYZE")
    data.tidy(*TABLES)


def _fill_contacts(after: int, contacts: int, entries: int) -> None:
    kind = ListItem.objects.get(list__key=CONTACT_TYPES, key="client")
    named = {"type": kind.pk, "distinct": data.DISTINCT, "rare": data.RARE}
    for first in range(FEW + 1, contacts + 1, CHUNK):
        say(f"contacts from {first:,}")
        with connection.cursor() as cursor:
            cursor.execute(data.FILL, {**named, "first": first, "last": min(first + CHUNK - 1, contacts)})
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE contacts_contact SET version = %s WHERE id > %s AND version <> %s", [entries, after, entries]
        )


def _fill_history(after: int, entries: int) -> None:
    for sequence in range(1, entries + 1):
        say(f"history, {sequence} of {entries}")
        with connection.cursor() as cursor:
            cursor.execute(HISTORY, {"sequence": sequence, "entries": entries, "after": after})


def _fill_what_belongs(after: int) -> None:
    say("participants and groups")
    participant = Participant.objects.get(name="Benchmark")
    policy = ListItem.objects.get(list__key="access-policy", key="owner")
    with connection.cursor() as cursor:
        cursor.execute(f"{data.BELONG} WHERE id > %s", [participant.pk, after])
        cursor.execute(data.GROUPS, [after])
        cursor.execute(data.MEMBERSHIPS, [policy.pk, after])


@contextmanager
def _without_indexes(tables: Sequence[str]) -> Iterator[None]:
    """Drop the indexes that no constraint needs, and build them again at the end, which is many times as fast."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = ANY(%s::text[]::regclass[])"
            "   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
            [list(tables)],
        )
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for name, definition in indexes:
            say(f"index {name}")
            cursor.execute(definition)


def _sizes(contacts: int) -> list[Figure]:
    """Return what each table takes, with the share of its indexes, in MiB for a million contacts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, pg_table_size(name::regclass), pg_indexes_size(name::regclass) FROM unnest(%s::text[]) name",
            [list(TABLES)],
        )
        rows = cursor.fetchall()
        cursor.execute("SELECT pg_database_size(current_database())")
        (whole,) = cursor.fetchone()
    per_million = 1_000_000 / contacts / 2**20
    return [
        *(
            Figure(f"{name}, {part}, a million contacts", size * per_million, "MiB")
            for name, rows_size, indexes_size in rows
            for part, size in (("rows", rows_size), ("indexes", indexes_size))
        ),
        Figure("database, a million contacts", whole * per_million, "MiB"),
    ]


def _export() -> Figure:
    exporting.publish(exporting.COLUMNS)
    paths = [field.path for field in exported_fields(current_schema(CONTACT_SCHEMA).fields.values())]
    ours, copied = exporting.rate_of(exporting.export, paths), exporting.rate_of(exporting.copy_alone, paths)
    return Figure(f"export of {exporting.COLUMNS} fields", ours, "/s", "COPY", ours / copied)


if __name__ == "__main__":
    main()
