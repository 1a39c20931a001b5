"""Concurrent changes of groups on separate connections."""

import pytest

from accounts.actor import system_actor
from contactgroups.models import ContactGroup, EntityType, LinkedEntity
from contactgroups.services import link_entity
from contacts.services.anonymization import anonymize_contacts
from core.errors import ApiError
from tests.api import Answer
from tests.concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)
TESTS = system_actor("tests")


def served(service, **arguments):
    """A service called as a request would be: 204, or the status and the subCode of its refusal."""
    try:
        service(actor=TESTS, **arguments)
    except ApiError as refusal:
        return Answer(refusal.status, {"subCode": refusal.sub_code}, {})
    return Answer(204, None, {})


@pytest.mark.parametrize("attempt", range(3))
def test_two_groups_created_at_once_with_one_external_id_make_one(make_contact, make_app, api_of, attempt):
    app, contacts = api_of(make_app()), [make_contact(), make_contact()]
    answers = at_once(
        *(
            lambda contact=contact: app.post(f"/v2.0/contacts/{contact.pk}/contactgroups", {"groupExternalId": "G-1"})
            for contact in contacts
        )
    )
    assert sorted(answer.status for answer in answers) == [201, 422]
    assert {answer.sub_code for answer in answers if answer.status == 422} == {"ExternalIdNotUnique"}
    assert ContactGroup.objects.count() == 1


@pytest.mark.parametrize("attempt", range(5))
def test_a_group_is_deleted_or_gets_an_entity_but_not_both(make_contact, make_group, make_app, api_of, attempt):
    app, group = api_of(make_app()), make_group(make_contact())
    deleted, linked = at_once(
        lambda: app.delete(f"/v1.0/contactgroups/{group.pk}"),
        lambda: served(link_entity, group=group, entity_type=EntityType.ACCOUNT, entity_id=7),
    )
    if deleted.status == 204:
        assert (linked.status, LinkedEntity.objects.count()) == (404, 0)
    else:
        assert (deleted.sub_code, linked.status, LinkedEntity.objects.count()) == ("GroupHasEntities", 204, 1)


@pytest.mark.parametrize("attempt", range(3))
def test_an_entity_linked_to_two_groups_at_once_stays_with_one(make_contact, make_group, attempt):
    groups = [make_group(make_contact()), make_group(make_contact())]
    answers = at_once(
        *(
            lambda group=group: served(link_entity, group=group, entity_type=EntityType.ACCOUNT, entity_id=7)
            for group in groups
        )
    )
    assert sorted(answer.status for answer in answers) == [204, 422]
    assert {answer.sub_code for answer in answers if answer.status == 422} == {"EntityAlreadyLinked"}


@pytest.mark.parametrize("attempt", range(3))
def test_two_who_replace_the_members_at_once_do_not_mix(make_contact, make_group, make_app, policy, api_of, attempt):
    app, contacts = api_of(make_app()), [make_contact() for _ in range(4)]
    group = make_group()
    halves = [contacts[:2], contacts[:1:-1]]

    def replace(half):
        members = [{"contactId": contact.pk, "accessPolicyId": policy()} for contact in half]
        return app.put(f"/v1.0/contactgroups/{group.pk}", {"contacts": members})

    answers = at_once(*(lambda half=half: replace(half) for half in halves))
    assert [answer.status for answer in answers] == [204, 204]
    assert set(group.memberships.values_list("contact", flat=True)) in [{row.pk for row in half} for half in halves]


@pytest.mark.parametrize("attempt", range(3))
def test_two_fellows_anonymized_at_once_leave_no_texts(make_contact, make_group, attempt):
    fellows = [make_contact(), make_contact()]
    group = make_group(*fellows, name="Johanna Spyri")
    at_once(*(lambda row=row: served(anonymize_contacts, contact_ids=[row.pk]) for row in fellows))
    group.refresh_from_db()
    assert group.name is None


@pytest.mark.parametrize("attempt", range(3))
def test_a_name_does_not_slip_in_while_its_contact_is_anonymized(make_contact, make_app, api_of, attempt):
    app, contact = api_of(make_app()), make_contact()
    anonymized, created = at_once(
        lambda: served(anonymize_contacts, contact_ids=[contact.pk]),
        lambda: app.post(f"/v2.0/contacts/{contact.pk}/contactgroups", {"groupName": "Johanna Spyri"}),
    )
    assert anonymized.status == 204
    if created.status == 201:
        assert ContactGroup.objects.get().name is None
    else:
        assert created.sub_code == "ContactAnonymized"
