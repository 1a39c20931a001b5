"""The change history of legal entities: who made each change, and that it is append-only."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actor import system_actor
from legalentities.models import LegalEntityChangeSet
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
    put(api_of(member), made, company(name="Alp AG"))
    put(api_of(contact), made, company(name="Alp AG", contactInformation={"phone": "+41 44 123 45 67"}))
    put(api_of(application), made, {"name": "Alp AG"})
    latest, own, members, first = made.change_sets.all()
    assert [latest.version, own.version, members.version, first.version] == [4, 3, 2, 1]
    assert (first.initiator_system, first.initiator_person) == ("import", None)
    assert {change["path"] for change in first.changes} == {
        "name", "registration.legalForm", "registration.country", "registration.state"
    }  # fmt: skip
    assert (members.initiator_person, members.initiator_system) == (member, "")
    assert members.changes == [{"path": "name", "original": "Alpöhi Holding AG", "target": "Alp AG"}]
    assert own.initiator_person == contact
    assert own.paths == ["contactInformation", "contactInformation.phone"]
    assert (latest.initiator_application, latest.initiator_person) == (application, None)
    assert {"path": "registration.country", "original": "CH", "target": None} in latest.changes


def test_a_contact_that_creates_one_is_named(make_contact, api_of):
    anna = make_contact()
    api_of(anna).post("/v1.1/legalentities", {"details": {"name": "Alp AG"}})
    assert LegalEntityChangeSet.objects.get().initiator_contact == anna


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE legalentities_legalentitychangeset SET changes = '[]'",
        "UPDATE legalentities_legalentitychangeset SET initiator_system = 'somebody else'",
        "DELETE FROM legalentities_legalentitychangeset",
    ],
)
@pytest.mark.parametrize("setting", ["off", "on"])
def test_the_database_refuses_to_rewrite_it_also_while_contacts_are_anonymized(
    make_contact, make_legal_entity, sql, setting
):
    make_legal_entity(make_contact())
    before = LegalEntityChangeSet.objects.values().get()
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL kontor.anonymizing = '{setting}'")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute(sql)
    assert LegalEntityChangeSet.objects.values().get() == before


def test_a_version_stands_in_it_once(make_contact, make_legal_entity):
    first = make_legal_entity(make_contact()).change_sets.get()
    with pytest.raises(IntegrityError, match="change_set_version_once_per_legal_entity"), transaction.atomic():
        LegalEntityChangeSet.objects.create(legal_entity=first.legal_entity, version=1, changes=[], paths=[])
