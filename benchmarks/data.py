"""Benchmark contacts: the same documents in Kontor, the stock project and the floor."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import connection, transaction

from accounts.actor import system_actor
from accounts.models import Participant
from benchmarks.place import conninfo
from contacts.models import CONTACT_SCHEMA, CONTACT_TYPES
from core.documents import Document, canonical
from devstack.demo.contacts import made_up
from schemas.compiled import CompiledSchema
from schemas.models import ListItem
from schemas.queries import current_schema

ACTOR = system_actor("benchmark")
DISTINCT = 5_000
# The text to search for, and the share of display names that contain it.
RARE, SHARE = "Meridian", 0.03

FILL = """
    INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)
    SELECT gen_random_uuid(), %(type)s, 'user.' || series.number,
           jsonb_set(made_up.document, '{personalInformation,displayName}', to_jsonb(
               (made_up.document #>> '{personalInformation,firstName}') || ' '
               || (made_up.document #>> '{personalInformation,lastName}') || ' '
               || CASE WHEN hashint4(series.number) %% 100 BETWEEN 0 AND 2 THEN %(rare)s
                       ELSE left(md5(series.number::text), 8) END)),
           1, now()
      FROM generate_series(%(first)s, %(last)s) AS series (number)
      JOIN made_up ON made_up.number = series.number %% %(distinct)s
     ORDER BY series.number
"""
# Every history needs the entry of the first version.
HISTORY = """
    INSERT INTO audit_entry (kind, subject_id, sequence, recorded_at, initiator_system, changes, paths)
    SELECT 'contact-details', id, 1, created_at, 'benchmark',
           jsonb_build_array(jsonb_build_object('path', 'personalInformation.lastName', 'original', NULL,
                                                'target', details #> '{personalInformation,lastName}')),
           ARRAY['personalInformation', 'personalInformation.lastName']
      FROM contacts_contact WHERE id > %s
"""
BELONG = "INSERT INTO contacts_contactparticipant (contact_id, participant_id) SELECT id, %s FROM contacts_contact"
# Each contact's group has the same id, so that access checks can use one random id for both.
GROUPS = """
    INSERT INTO contactgroups_contactgroup (id, name, created_at)
    SELECT id, 'Family ' || id, now() FROM contacts_contact WHERE id > %s
"""
MEMBERSHIPS = """
    INSERT INTO contactgroups_groupmembership (group_id, contact_id, access_policy_id)
    SELECT id, id, %s FROM contacts_contact WHERE id > %s
"""


def document(number: int, schema: CompiledSchema) -> Document:
    """Return the details of a made-up client with about 25 values, without disabled fields."""
    details: dict[str, Any] = dict(made_up(number).details)
    del details["occupation"], details["regulatory"]
    details["relationship"] = {**details["relationship"], "formerClientNumber": None}
    return canonical(details, objects=schema.object_paths)


def documents(number: int = DISTINCT) -> Iterator[Document]:
    schema = current_schema(CONTACT_SCHEMA)
    return (document(one, schema) for one in range(number))


def stage_documents(number: int = DISTINCT) -> None:
    """Store made-up documents in a table, from which `fill_contacts` copies them: fewer do for fewer contacts."""
    made = list(documents(number))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE made_up (number integer PRIMARY KEY, document jsonb)")
        with cursor.copy("COPY made_up FROM STDIN") as copy:
            for one, details in enumerate(made):
                copy.write_row((one, json.dumps(details)))


def fill_contacts(last: int) -> None:
    """Add contacts up to this number, each with the participant and in its own group."""
    participant, _created = Participant.objects.get_or_create(name="Benchmark")
    kind = ListItem.objects.get(list__key=CONTACT_TYPES, key="client")
    policy = ListItem.objects.get(list__key="access-policy", key="owner")
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0), count(*) FROM contacts_contact")
        after, present = cursor.fetchone()
        named = {"type": kind.pk, "first": present + 1, "last": last, "distinct": DISTINCT, "rare": RARE}
        with transaction.atomic():
            cursor.execute(FILL, named)
            cursor.execute(HISTORY, [after])
        cursor.execute(f"{BELONG} WHERE id > %s", [participant.pk, after])
        cursor.execute(GROUPS, [after])
        cursor.execute(MEMBERSHIPS, [policy.pk, after])
    tidy(
        "contacts_contact",
        "audit_entry",
        "contacts_contactparticipant",
        "contactgroups_contactgroup",
        "contactgroups_groupmembership",
    )


def tidy(*tables: str) -> None:
    """Run VACUUM ANALYZE now instead of waiting for autovacuum."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")


def contact_ids() -> tuple[int, int]:
    """Return the first and the last id. There are no gaps between them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM contacts_contact")
        first, last = cursor.fetchone()
    return first, last


def copy_to(database: str, source: str, target: str) -> None:
    """Copy rows of Kontor's database to a table of another database."""
    with psycopg.connect(conninfo()) as one, psycopg.connect(conninfo(database)) as other:
        reading, writing = one.cursor(), other.cursor()
        with reading.copy(f"COPY ({source}) TO STDOUT") as rows, writing.copy(f"COPY {target} FROM STDIN") as copy:
            for piece in rows:
                copy.write(piece)
    with psycopg.connect(conninfo(database), autocommit=True) as other:
        other.execute(f"VACUUM ANALYZE {target.partition(' ')[0]}")
