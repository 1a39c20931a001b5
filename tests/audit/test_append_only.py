"""The ledger is append-only, even for raw SQL, and only an erasure takes values out of it."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actor import system_actor
from audit.models import Entry, Erasure
from contacts.models import CONTACT_KINDS
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from tests.requests import make_requests

pytestmark = pytest.mark.django_db

SYSTEM = system_actor("tests")
WITHOUT_VALUES = "UPDATE audit_entry SET changes = contacts_without_values(changes), comment = NULL"


def run(sql, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def refused(sql, *values, match):
    with pytest.raises(IntegrityError, match=match):
        run(sql, *values)


@pytest.fixture
def contact(make_contact):
    contact = make_contact()
    patch = {"relationship": {"notes": "calls on Mondays"}}
    patch_details(actor=SYSTEM, contact_id=contact.pk, patch=patch, comment="told by phone")
    return contact


@pytest.fixture
def erased(contact):
    anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    return contact


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_entry SET changes = '[]'",
        "UPDATE audit_entry SET comment = NULL WHERE sequence = 2",
        "UPDATE audit_entry SET recorded_at = now()",
        "UPDATE audit_entry SET initiator_system = 'somebody else'",
        "UPDATE audit_entry SET kind = 'legal-entity'",
        "UPDATE audit_entry SET transaction_id = '1'",
        "UPDATE audit_entry SET transaction_id = NULL",
        "UPDATE audit_entry SET correlation_id = 'another'",
        "UPDATE audit_entry SET salt = NULL",
        "UPDATE audit_entry SET commitments = sha256('') || sha256('') || sha256('')",
        "UPDATE audit_entry SET entry_hash = sha256('')",
        WITHOUT_VALUES,
        "DELETE FROM audit_entry",
        "SET LOCAL kontor.anonymizing = 'on'; DELETE FROM audit_entry",
        f"SET LOCAL kontor.anonymizing = 'on'; {WITHOUT_VALUES}",
        "SET LOCAL kontor.anonymizing = 'on'; UPDATE audit_entry SET sequence = sequence + 1",
        "SET LOCAL kontor.anonymizing = 'on'; UPDATE audit_entry SET paths = '{}'",
        "SET LOCAL kontor.anonymizing = 'on'; UPDATE audit_entry SET recorded_at = now()",
    ],
)
def test_entries_are_neither_changed_nor_deleted(contact, sql):
    before = list(Entry.objects.values())
    refused(sql, match="append-only")
    assert list(Entry.objects.values()) == before


def test_a_version_stands_in_the_history_once(contact):
    with pytest.raises(IntegrityError, match="entry_once_in_sequence"), transaction.atomic():
        Entry.objects.create(kind="contact-details", subject_id=contact.pk, sequence=1, changes=[], paths=[])


def test_the_database_says_when_and_in_which_transaction_an_entry_was_written(contact):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint, transaction_timestamp(), clock_timestamp()")
        current, began, now = cursor.fetchone()
    for entry in contact.entries:
        assert entry.transaction_id == current
        assert began <= entry.recorded_at <= now


class TestErasing:
    def test_values_and_comments_go_and_everything_else_stays(self, contact):
        kept = [name for name in _columns() if name not in ("changes", "comment", "salt")]
        before = list(contact.entries.order_by("id").values(*kept))
        anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
        after = contact.entries.order_by("id")
        assert list(after.values(*kept))[:-1] == before
        # The last one has never had a value.
        assert [entry.salt is None for entry in after] == [True] * len(before) + [False]
        for entry in after:
            assert entry.comment is None
            assert {change["target"] for change in entry.changes} == {None}

    def test_it_is_on_record(self, erased):
        erasures = Erasure.objects.order_by("kind")
        assert [(row.kind, row.subject_id) for row in erasures] == [(kind, erased.pk) for kind in sorted(CONTACT_KINDS)]
        assert all(row.erased_at is not None for row in erasures)

    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE audit_entry SET changes = '[]'",
            "UPDATE audit_entry SET comment = 'x'",
            "UPDATE audit_entry SET sequence = sequence + 1",
            "UPDATE audit_entry SET paths = '{}'",
            f"{WITHOUT_VALUES}, recorded_at = now()",
        ],
    )
    def test_nothing_but_values_goes_even_then(self, erased, sql):
        refused(sql, match="append-only")
        run(f"{WITHOUT_VALUES} WHERE kind = ANY(%s)", list(CONTACT_KINDS))

    def test_only_an_anonymized_contact_is_erased(self, contact):
        for subject in (contact.pk, contact.pk + 1_000):
            refused(
                "INSERT INTO audit_erasure (kind, subject_id) VALUES ('contact-details', %s)",
                subject,
                match="only the entries of an anonymized contact",
            )

    def test_a_legal_entity_is_never_erased(self, db):
        refused("INSERT INTO audit_erasure (kind, subject_id) VALUES ('legal-entity', 1)", match="is not erased")

    @pytest.mark.parametrize("sql", ["UPDATE audit_erasure SET erased_at = now()", "DELETE FROM audit_erasure"])
    def test_it_is_never_undone(self, erased, sql):
        refused(sql, match="neither changed nor undone")

    def test_it_happens_once(self, erased):
        refused(
            "INSERT INTO audit_erasure (kind, subject_id) VALUES ('contact-details', %s)",
            erased.pk,
            match="erased_once",
        )

    @pytest.mark.parametrize("table", ["audit_entry", "audit_erasure"])
    def test_nobody_empties_the_tables(self, erased, table):
        refused(f"SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE {table} CASCADE", match="TRUNCATE refused")


class TestTheRequestOfAnEntry:
    """An entry names an approved request of its own subject. Whoever approves makes the changes first."""

    @pytest.fixture
    def request_of(self, make_member):
        anna = make_member()
        return lambda contact: make_requests(contact.pk, anna)

    NEXT = """
        UPDATE contacts_contact SET version = 3 WHERE id = %s;
        INSERT INTO audit_entry (kind, subject_id, sequence, initiator_system, changes, paths, change_request_id)
        VALUES ('contact-details', %s, 3, 'sql', '[]', '{}', %s);
    """
    APPROVE = """
        INSERT INTO changerequests_decision (revision_id, stage_id, member_id, verdict, digest, decided_at)
        SELECT revision_id, stage.id, %s, 'approve', '', now() FROM changerequests_requeststage stage
          JOIN changerequests_revision revision ON revision.id = stage.revision_id WHERE revision.request_id = %s;
        UPDATE changerequests_changerequest SET status = 2, reviewed_at = now(), review_member_id = %s WHERE id = %s;
    """
    END = "SET CONSTRAINTS ALL IMMEDIATE"

    def test_is_approved_in_the_end(self, contact, request_of, make_member):
        request = request_of(contact)
        refused(f"{self.NEXT}{self.END}", contact.pk, contact.pk, request.pk, match="names a request that is not")
        rita = make_member(reviews=True).pk
        values = (contact.pk, contact.pk, request.pk, rita, request.pk, rita, request.pk)
        run(f"{self.NEXT}{self.APPROVE}{self.END}", *values)
        assert request.entries.get().sequence == 3

    def test_is_about_the_same_subject(self, contact, make_contact, request_of, make_member):
        request = request_of(make_contact())
        rita = make_member(reviews=True).pk
        values = (contact.pk, contact.pk, request.pk, rita, request.pk, rita, request.pk)
        refused(f"{self.NEXT}{self.APPROVE}{self.END}", *values, match="names a request that is not")

    def test_exists(self, contact):
        refused(f"{self.NEXT}{self.END}", contact.pk, contact.pk, 12345, match="names a request|request_exists")

    def test_stays(self, contact, request_of):
        request = request_of(contact)
        refused("UPDATE audit_entry SET change_request_id = %s", request.pk, match="append-only")


def _columns():
    return [field.attname for field in Entry._meta.concrete_fields]
