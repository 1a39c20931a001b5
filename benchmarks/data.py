"""The contacts that everything is measured on: the same documents in Kontor, in the stock project and in the floor."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import connection

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
# In how many display names the text stands that is searched for.
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
# Every history begins with the first version.
HISTORY = """
    INSERT INTO contacts_changeset (contact_id, version, executed_at, initiator_system, changes, paths)
    SELECT id, 1, created_at, 'benchmark',
           jsonb_build_array(jsonb_build_object('path', 'personalInformation.lastName', 'original', NULL,
                                                'target', details #> '{personalInformation,lastName}')),
           ARRAY['personalInformation', 'personalInformation.lastName']
      FROM contacts_contact WHERE id > %s
"""
BELONG = "INSERT INTO contacts_contactparticipant (contact_id, participant_id) SELECT id, %s FROM contacts_contact"
# A contact's group has its number: so that a check of access knows both.
GROUPS = """
    INSERT INTO contactgroups_contactgroup (id, name, created_at)
    SELECT id, 'Family ' || id, now() FROM contacts_contact WHERE id > %s
"""
MEMBERSHIPS = """
    INSERT INTO contactgroups_groupmembership (group_id, contact_id, access_policy_id)
    SELECT id, id, %s FROM contacts_contact WHERE id > %s
"""


def document(number: int, schema: CompiledSchema) -> Document:
    """The details of a made-up client, about 25 values; fields that nobody may set are left out."""
    details: dict[str, Any] = dict(made_up(number).details)
    del details["occupation"], details["regulatory"]
    details["relationship"] = {**details["relationship"], "formerClientNumber": None}
    return canonical(details, objects=schema.object_paths)


def documents() -> Iterator[Document]:
    schema = current_schema(CONTACT_SCHEMA)
    return (document(number, schema) for number in range(DISTINCT))


def stage_documents() -> None:
    """Put the made-up documents into a table, from which contacts are filled."""
    made = list(documents())
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE made_up (number integer PRIMARY KEY, document jsonb)")
        with cursor.copy("COPY made_up FROM STDIN") as copy:
            for number, details in enumerate(made):
                copy.write_row((number, json.dumps(details)))


def fill_contacts(last: int) -> None:
    """Contacts up to this number, each of one participant and in a group of its own."""
    participant, _created = Participant.objects.get_or_create(name="Benchmark")
    kind = ListItem.objects.get(list__key=CONTACT_TYPES, key="client")
    policy = ListItem.objects.get(list__key="access-policy", key="owner")
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0), count(*) FROM contacts_contact")
        after, present = cursor.fetchone()
        named = {"type": kind.pk, "first": present + 1, "last": last, "distinct": DISTINCT, "rare": RARE}
        cursor.execute(FILL, named)
        cursor.execute(f"{BELONG} WHERE id > %s", [participant.pk, after])
        cursor.execute(HISTORY, [after])
        cursor.execute(GROUPS, [after])
        cursor.execute(MEMBERSHIPS, [policy.pk, after])
    tidy(
        "contacts_contact",
        "contacts_changeset",
        "contacts_contactparticipant",
        "contactgroups_contactgroup",
        "contactgroups_groupmembership",
    )


def tidy(*tables: str) -> None:
    """What autovacuum would come to do."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")


def contact_ids() -> tuple[int, int]:
    """The first and the last id; there is none missing between them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM contacts_contact")
        first, last = cursor.fetchone()
    return first, last


def copy_to(database: str, source: str, target: str) -> None:
    """Bring rows of Kontor's database into a table of another."""
    with psycopg.connect(conninfo()) as one, psycopg.connect(conninfo(database)) as other:
        reading, writing = one.cursor(), other.cursor()
        with reading.copy(f"COPY ({source}) TO STDOUT") as rows, writing.copy(f"COPY {target} FROM STDIN") as copy:
            for piece in rows:
                copy.write(piece)
    with psycopg.connect(conninfo(database), autocommit=True) as other:
        other.execute(f"VACUUM ANALYZE {target.partition(' ')[0]}")
