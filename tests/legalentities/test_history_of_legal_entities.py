"""The change history of legal entities: who made each change, and that it is append-only."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actor import system_actor
from audit.models import Entry
from legalentities.models import LEGAL_ENTITY_DETAILS, LegalEntity
from tests.legalentities.documents import company

pytestmark = pytest.mark.django_db


def put(api, legal_entity, document):
    assert api.put(f"/v1.0/legalentities/{legal_entity.pk}/details", {"details": document}).status == 204


def test_every_submission_stands_in_it_with_who_made_it(
    make_contact, make_member, make_app, make_legal_entity, api_of, flag_fields
):
    flag_fields("contactInformation.phone", isUpdatableByContact=True)
    member, application = make_member(), make_app()
    contact = make_contact(members=[member])
    made = make_legal_entity(contact, actor=system_actor("import"))
    website = {"website": "https://alp.example/"}
    put(api_of(member), made, company(business=website))
    put(api_of(contact), made, company(business=website, contactInformation={"phone": "+41 44 123 45 67"}))
    put(api_of(application), made, {"name": "Alp AG"})
    latest, own, members, first = made.entries.all()
    assert [latest.sequence, own.sequence, members.sequence, first.sequence] == [4, 3, 2, 1]
    assert (first.initiator_system, first.initiator_person) == ("import", None)
    assert {change["path"] for change in first.changes} == {
        "name", "registration.legalForm", "registration.country", "registration.state"
    }  # fmt: skip
    assert (members.initiator_person, members.initiator_system) == (member, "")
    assert members.changes == [{"path": "business.website", "original": None, "target": "https://alp.example/"}]
    assert own.initiator_person == contact
    assert own.paths == ["contactInformation", "contactInformation.phone"]
    assert (latest.initiator_application, latest.initiator_person) == (application, None)
    assert {"path": "registration.country", "original": "CH", "target": None} in latest.changes


def test_a_contact_that_creates_one_is_named(make_contact, api_of):
    anna = make_contact()
    api_of(anna).post("/v1.1/legalentities", {"details": {"name": "Alp AG"}})
    assert LegalEntity.objects.get().entries.get().initiator_contact == anna


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_entry SET changes = '[]' WHERE kind = 'legal-entity'",
        "UPDATE audit_entry SET initiator_system = 'somebody else' WHERE kind = 'legal-entity'",
        "DELETE FROM audit_entry WHERE kind = 'legal-entity'",
    ],
)
@pytest.mark.parametrize("setting", ["off", "on"])
def test_the_database_refuses_to_rewrite_it_also_while_contacts_are_anonymized(
    make_contact, make_legal_entity, sql, setting
):
    made = make_legal_entity(make_contact())
    before = made.entries.values().get()
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL kontor.anonymizing = '{setting}'")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute(sql)
    assert made.entries.values().get() == before


def test_a_version_stands_in_it_once(make_contact, make_legal_entity):
    first = make_legal_entity(make_contact()).entries.get()
    with pytest.raises(IntegrityError, match="entry_once_in_sequence"), transaction.atomic():
        Entry.objects.create(kind=LEGAL_ENTITY_DETAILS, subject_id=first.subject_id, sequence=1, changes=[], paths=[])


ADD = """
    INSERT INTO audit_entry (kind, subject_id, sequence, initiator_system, changes, paths)
    VALUES ('legal-entity', %s, %s, 'sql', '[]', '{}')
"""
UPDATE = "UPDATE legalentities_legalentity SET {} WHERE id = %s; SET CONSTRAINTS ALL IMMEDIATE"


@pytest.mark.parametrize(
    ("sql", "values", "match"),
    [
        (UPDATE.format("version = 2"), [], "legal_entity_version_has_its_entry"),
        (UPDATE.format("id = id + 1000"), [], "its id stays what it is"),
        (UPDATE.format("entry_kind = 'contact-details'"), [], "entry_kind"),
        ("DELETE FROM legalentities_legalentity WHERE id = %s", [], "never deleted"),
        (ADD, [2], "does not follow in the history"),
        (ADD, [0], "does not follow in the history"),
    ],
)
def test_every_version_has_its_entry_and_every_entry_a_version(make_contact, make_legal_entity, sql, values, match):
    made = make_legal_entity(make_contact())
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match=match), transaction.atomic():
        cursor.execute(sql, [made.pk, *values])
    with connection.cursor() as cursor:
        cursor.execute(UPDATE.partition(";")[0].format("version = 2"), [made.pk])
        cursor.execute(ADD, [made.pk, 2])


def test_an_entry_is_of_a_legal_entity_that_exists(make_contact, make_legal_entity):
    made = make_legal_entity(make_contact())
    with (
        connection.cursor() as cursor,
        pytest.raises(IntegrityError, match="does not follow in the history"),
        transaction.atomic(),
    ):
        cursor.execute(ADD, [made.pk + 1_000, 1])
