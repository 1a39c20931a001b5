"""The histories of the previous version become the ledger while that version's processes read and write them.

The statements are those that the previous version sends: single, prepared, within transactions and by COPY.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from accounts.models import ClientApplication, Member, User
from audit.models import Entry, Erasure
from changerequests.models import ChangeRequest
from contactgroups.models import ContactGroup
from contacts.models import Contact
from legalentities.models import LegalEntity
from schemas.models import List, ListItem
from tests.databases import MIGRATED, Kept

pytestmark = pytest.mark.stack

PREVIOUS = {
    "contacts": "0016_triggers_of_change_sets",
    "changerequests": "0008_triggers_of_requests",
    "legalentities": "0007_triggers_of_their_history",
    "contactgroups": "0002_search_by_external_id",
    "importexport": "0002_imports",
    "schemas": "0003_triggers_of_schema_versions",
}
# Apps that the previous version did not have.
NEW = {"administration", "audit", "events", "matching", "proof"}

INSERT_CONTACT = """
    INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)
    VALUES (gen_random_uuid(), %s, %s, %s, 1, now()) RETURNING id
"""
INSERT_ENTRY = """
    INSERT INTO contacts_changeset (contact_id, version, executed_at, initiator_member_id, initiator_contact_id,
        initiator_application_id, initiator_system, changes, paths, comment)
    VALUES (%s, %s, clock_timestamp(), NULL, NULL, NULL, 'previous', %s, %s, NULL) RETURNING contacts_changeset.id
"""
CHANGE = """
    WITH written AS (
        UPDATE contacts_contact SET details = %s, version = %s, username = coalesce(%s, username)
         WHERE id = %s AND version = %s RETURNING id)
    INSERT INTO contacts_changeset (version, executed_at, initiator_member_id, initiator_contact_id,
        initiator_application_id, initiator_system, changes, paths, contact_id, comment)
    SELECT %s, clock_timestamp(), %s, NULL, %s, '', %s, %s, id, %s FROM written RETURNING id
"""
COPY_CONTACTS = "COPY contacts_contact (id, uid, type_id, username, details, version, created_at) FROM STDIN"
COPY_ENTRIES = """
    COPY contacts_changeset (contact_id, version, executed_at, initiator_member_id, initiator_contact_id,
        initiator_application_id, initiator_system, changes, paths, comment) FROM STDIN
"""
OPEN = """
    INSERT INTO changerequests_changerequest (uid, contact_id, status, created_at, initiator_member_id, changes, paths,
        change_set_id, language, is_outcome_due)
    VALUES (gen_random_uuid(), %s, 1, now(), %s, %s, %s, NULL, 'en', false) RETURNING id
"""
APPROVE = """
    UPDATE changerequests_changerequest
       SET status = 2, review_member_id = %s, review_comment = 'seen', reviewed_at = now(), change_set_id = %s,
           is_outcome_due = true
     WHERE id = %s
"""
ANONYMIZE = """
    UPDATE contacts_contact SET details = '{}', username = NULL, version = version + 1, anonymized_at = now()
     WHERE id = %s RETURNING version
"""
ERASE = """
    UPDATE contacts_changeset SET changes = contacts_without_values(contacts_changeset.changes), comment = NULL
     WHERE contacts_changeset.contact_id IN (%s)
"""
READ = """
    SELECT contacts_changeset.id, contacts_changeset.version, contacts_changeset.changes, request.id
      FROM contacts_changeset LEFT JOIN changerequests_changerequest request
           ON request.change_set_id = contacts_changeset.id
     WHERE contacts_changeset.contact_id = %s ORDER BY contacts_changeset.version DESC LIMIT 20
"""
CHANGE_ENTITY = """
    WITH written AS (
        UPDATE legalentities_legalentity SET details = %s, version = %s WHERE id = %s AND version = %s RETURNING id)
    INSERT INTO legalentities_legalentitychangeset (version, executed_at, initiator_member_id, initiator_contact_id,
        initiator_application_id, initiator_system, changes, paths, legal_entity_id)
    SELECT %s, clock_timestamp(), %s, NULL, NULL, '', %s, %s, id FROM written RETURNING id
"""
COPY_ENTITY_ENTRIES = """
    COPY legalentities_legalentitychangeset (legal_entity_id, version, executed_at, initiator_member_id,
        initiator_contact_id, initiator_application_id, initiator_system, changes, paths) FROM STDIN
"""
READ_ENTITY = """
    SELECT version, changes FROM legalentities_legalentitychangeset WHERE legal_entity_id = %s ORDER BY version DESC
"""
HISTORY = """
    SELECT id, contact_id, version, executed_at, initiator_member_id, initiator_contact_id, initiator_application_id,
           initiator_system, comment, changes, paths
      FROM contacts_changeset ORDER BY id
"""
ENTITY_HISTORY = """
    SELECT legal_entity_id, version, executed_at, initiator_member_id, initiator_contact_id, initiator_application_id,
           initiator_system, changes, paths
      FROM legalentities_legalentitychangeset ORDER BY id
"""
LINKS = "SELECT id, change_set_id FROM changerequests_changerequest ORDER BY id"
PATHS = ["personalInformation", "personalInformation.lastName"]


def migrate_to_the_previous_version() -> None:
    executor = MigrationExecutor(connection)
    others = [node for node in executor.loader.graph.leaf_nodes() if node[0] not in {*PREVIOUS, *NEW}]
    executor.migrate([*others, *PREVIOUS.items()])


BEFORE = Kept("previous", migrate_to_the_previous_version, lambda: iter([*MIGRATED.sources(), Path(__file__)]))


@pytest.fixture
def previous_database(copy_of, django_db_blocker) -> Iterator[None]:
    with copy_of(BEFORE), django_db_blocker.unblock():
        yield


def named(name: object) -> tuple[str, str]:
    """A document and the changes that lead to it."""
    document = {"personalInformation": {"lastName": str(name)}}
    return json.dumps(document), json.dumps([{"path": PATHS[1], "original": None, "target": str(name)}])


@dataclass
class PreviousVersion:
    """A process of the previous version. It remembers what it has written: contact -> targets by version."""

    database: psycopg.Connection
    type_id: int
    anna: int
    rita: int
    application: int
    entities: list[int]
    histories: dict[int, list[str | None]] = field(default_factory=dict)
    entity_versions: dict[int, int] = field(default_factory=dict)
    approved: dict[int, int] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = self.database.execute(sql, values)
        return cursor.fetchall() if cursor.description else []

    def create(self) -> int:
        name = f"created-{next(self.numbers)}"
        document, changes = named(name)
        with self.database.transaction():
            ((contact,),) = self.run(INSERT_CONTACT, self.type_id, name, document)
            self.run(INSERT_ENTRY, contact, 1, changes, PATHS)
        self.histories[contact] = [name]
        return int(contact)

    def change(self, contact: int, *, comment: str | None = None, member: int | None = None) -> int:
        name = f"changed-{next(self.numbers)}"
        document, changes = named(name)
        version = len(self.histories[contact])
        application = None if member else self.application
        values = (document, version + 1, None, contact, version, version + 1, member, application, changes, PATHS)
        ((entry,),) = self.run(CHANGE, *values, comment)
        self.histories[contact].append(name)
        return int(entry)

    def approve(self, contact: int) -> None:
        _document, changes = named("asked")
        ((request,),) = self.run(OPEN, contact, self.anna, changes, PATHS)
        with self.database.transaction():
            self.run("SELECT id FROM contacts_contact WHERE id = %s FOR NO KEY UPDATE", contact)
            self.run("SELECT id FROM changerequests_changerequest WHERE id = %s FOR UPDATE", request)
            entry = self.change(contact, comment="please", member=self.anna)
            self.run(APPROVE, self.rita, entry, request)
        self.approved[request] = entry

    def load(self, rows: int) -> None:
        """Import contacts as COPY does."""
        with self.database.transaction():
            ids = self.run(
                "SELECT nextval(pg_get_serial_sequence('contacts_contact', 'id')) FROM generate_series(1, %s)", rows
            )
            names = {contact: f"loaded-{contact}" for (contact,) in ids}
            with self.database.cursor().copy(COPY_CONTACTS) as copy:
                for contact, name in names.items():
                    uid = f"00000000-0000-0000-0000-{contact:012}"
                    copy.write_row((contact, uid, self.type_id, name, named(name)[0], 1, "now"))
            with self.database.cursor().copy(COPY_ENTRIES) as copy:
                for contact, name in names.items():
                    copy.write_row((contact, 1, "now", None, None, None, "import", named(name)[1], PATHS, None))
        self.histories |= {contact: [name] for contact, name in names.items()}

    def anonymize(self, contact: int) -> None:
        with self.database.transaction():
            self.run("SET LOCAL kontor.anonymizing = 'on'")
            ((version,),) = self.run(ANONYMIZE, contact)
            wiped = json.dumps([{"path": PATHS[1], "original": None, "target": None}])
            self.run(INSERT_ENTRY, contact, version, wiped, PATHS)
            self.run(ERASE, contact)
        self.histories[contact] = [None] * version

    def change_entity(self, entity: int) -> None:
        version = self.entity_versions.get(entity, 1)
        document, changes = named(f"entity-{next(self.numbers)}")
        self.run(CHANGE_ENTITY, document, version + 1, entity, version, version + 1, self.anna, changes, PATHS)
        self.entity_versions[entity] = version + 1

    def load_entity(self, entity: int) -> None:
        version = self.entity_versions.get(entity, 1)
        with self.database.transaction():
            self.run("UPDATE legalentities_legalentity SET version = %s WHERE id = %s", version + 1, entity)
            with self.database.cursor().copy(COPY_ENTITY_ENTRIES) as copy:
                copy.write_row((entity, version + 1, "now", None, None, None, "import", named("copied")[1], PATHS))
        self.entity_versions[entity] = version + 1

    def check(self, contact: int) -> None:
        """Read as its pages do: what it wrote is there, in order."""
        rows = self.run(READ, contact)
        targets = list(reversed(self.histories[contact]))[:20]
        assert [json.loads(changes)[0]["target"] for _id, _version, changes, _request in rows] == targets
        requests = {entry: request for request, entry in self.approved.items()}
        assert all(request == requests.get(entry) for entry, _version, _changes, request in rows)

    def check_entity(self, entity: int) -> None:
        versions = [version for version, _changes in self.run(READ_ENTITY, entity)]
        assert versions == list(range(self.entity_versions.get(entity, 1), 0, -1))

    def work(self, rounds: int) -> None:
        """Do a little of everything."""
        for _ in range(rounds):
            contact, other, entity = self.create(), self.create(), self.entities[next(self.numbers) % 2]
            for _ in range(3):
                self.change(contact)
            self.approve(contact)
            self.load(5)
            self.change(other, comment="secret")
            self.anonymize(other)
            self.change_entity(entity)
            self.load_entity(entity)
            for one in (contact, other):
                self.check(one)
            self.check_entity(entity)


@pytest.fixture
def previous(previous_database) -> Iterator[PreviousVersion]:
    choices = List.objects.create(key="contact-type", names={"en": "Type"})
    kind = ListItem.objects.create(list=choices, key="client", names={"en": "Client"})
    members = [Member.objects.create(user=User.objects.create_superuser(name)) for name in ("anna", "rita")]
    application = ClientApplication.objects.create(
        name="app", client_type="confidential", authorization_grant_type="client-credentials"
    )
    # Statements are prepared from the second time on, as processes that live long have them.
    own = {"cursor_factory": psycopg.Cursor, "autocommit": True, "prepare_threshold": 1}
    with psycopg.connect(**{**connection.get_connection_params(), **own}) as database:
        entities = [_entity(number) for number in range(2)]
        yield PreviousVersion(database, kind.pk, members[0].pk, members[1].pk, application.pk, entities)


def _entity(number: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        group = ContactGroup.objects.create()
        cursor.execute(
            "INSERT INTO legalentities_legalentity (uid, details, version, created_at)"
            " VALUES (gen_random_uuid(), '{}', 1, now()) RETURNING id"
        )
        (entity,) = cursor.fetchone()
        group.linked_entities.create(entity_type="LegalEntity", entity_id=entity)
        cursor.execute(
            "INSERT INTO legalentities_legalentitychangeset"
            " (legal_entity_id, version, executed_at, initiator_system, changes, paths)"
            " VALUES (%s, 1, now(), 'previous', %s, '{}')",
            [entity, f'[{{"path": "number", "original": null, "target": {number}}}]'],
        )
    return int(entity)


def rows_of(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def migrate_beside(previous: PreviousVersion) -> int:
    """Migrate while the previous version works; return how many rounds it did meanwhile."""
    done, rounds, errors = Event(), count(), []

    def work() -> None:
        try:
            while not done.is_set():
                previous.work(1)
                next(rounds)
        except Exception as error:
            errors.append(error)

    worker = Thread(target=work)
    worker.start()
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        done.set()
        worker.join()
    assert errors == []
    return next(rounds)


def test_nothing_is_lost_while_the_previous_version_reads_and_writes(previous):
    previous.work(5)
    before, entities, links = rows_of(HISTORY), rows_of(ENTITY_HISTORY), rows_of(LINKS)
    erased_before = {contact for contact, targets in previous.histories.items() if targets[0] is None}
    assert migrate_beside(previous) > 2
    after = {row[0]: row for row in rows_of(HISTORY)}
    assert [after[row[0]] for row in before] == before
    assert rows_of(ENTITY_HISTORY)[: len(entities)] == entities
    assert rows_of(LINKS)[: len(links)] == links

    # Old processes work on as long as they run.
    previous.work(3)
    for contact in previous.histories:
        previous.check(contact)
    for entity in previous.entities:
        previous.check_entity(entity)

    # And the new version reads the same.
    for contact in Contact.objects.all():
        entries = contact.entries.order_by("id")
        assert [entry.sequence for entry in entries] == list(range(1, contact.version + 1))
        assert [entry.changes[0]["target"] for entry in entries] == previous.histories[contact.pk]
    for entity in LegalEntity.objects.all():
        sequences = entity.entries.order_by("id").values_list("sequence", flat=True)
        assert entity.version > 5
        assert list(sequences) == list(range(1, entity.version + 1))
    named = Entry.objects.exclude(change_request=None).values_list("change_request", "id")
    assert dict(named) == previous.approved
    approved = ChangeRequest.objects.filter(status=2)
    assert approved.count() == len(previous.approved)
    for request in approved:
        assert list(request.subjects.values_list("subject_id", "is_open")) == [(request.subject_id, False)]
        [revision] = request.revisions.all()
        assert revision.proposals.get().changes[0]["target"] == "asked"
        assert list(revision.decisions.values_list("member", "verdict")) == [(request.review_member_id, "approve")]
    erased = {contact for contact, targets in previous.histories.items() if targets[0] is None}
    assert set(Erasure.objects.values_list("subject_id", flat=True)) == erased > erased_before
    assert not Entry.objects.exclude(comment=None).filter(subject_id__in=erased, kind="contact-details").exists()
    assert not Entry.objects.filter(pk__in=[row[0] for row in before], transaction_id__isnull=False).exists()
    assert rows_of("SELECT conname FROM pg_constraint WHERE NOT convalidated") == []

    # Old processes do no more than the ledger allows.
    contact = previous.create()
    for sql in (
        "UPDATE contacts_changeset SET changes = '[]'",
        "UPDATE contacts_changeset SET comment = 'x'",
        "DELETE FROM contacts_changeset",
        "UPDATE legalentities_legalentitychangeset SET changes = '[]'",
        "DELETE FROM legalentities_legalentitychangeset",
    ):
        with pytest.raises(psycopg.IntegrityError, match="append-only"):
            previous.run(sql)
    for version in (1, 3):
        with pytest.raises(psycopg.IntegrityError, match=r"follow in the history|once_in_sequence"):
            previous.run(INSERT_ENTRY, contact, version, "[]", [])
