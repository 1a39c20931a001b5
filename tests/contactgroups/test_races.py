"""Concurrent changes of groups on separate connections."""

import pytest

from accounts.actor import system_actor
from changerequests.models import ChangeRequest
from contactgroups.models import ContactGroup, EntityType, LinkedEntity
from contactgroups.services import change_group
from contacts.services.anonymization import anonymize_contacts
from core.errors import ApiError
from tests.api import Answer
from tests.concurrency import at_once, while_waiting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
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
        lambda: served(change_group, group_id=group.pk, linked=[(EntityType.ACCOUNT, 7)]),
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
            lambda group=group: served(change_group, group_id=group.pk, linked=[(EntityType.ACCOUNT, 7)])
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


# ---- with requests


@pytest.fixture
def clerk(make_member, api_of):
    return api_of(make_member("clerk", sees_all_contacts=True))


@pytest.fixture
def reviewer(rita, api_of):
    return api_of(rita)


def approval(reviewer, answer):
    path = f"/v1.0/change-requests/{answer.json['changeRequestId']}/review"
    return lambda: reviewer.post(path, {"isApproved": True})


@pytest.mark.parametrize("attempt", range(3))
def test_two_creations_asked_for_at_once_with_one_external_id_are_one_request(make_contact, clerk, attempt):
    paths = [f"/v2.0/contacts/{make_contact().pk}/contactgroups" for _number in range(2)]
    answers = at_once(*(lambda path=path: clerk.post(path, {"groupExternalId": "G-1"}) for path in paths))
    assert sorted(answer.status for answer in answers) == [202, 422]
    assert {answer.sub_code for answer in answers if answer.status == 422} == {"ExternalIdNotUnique"}
    assert ChangeRequest.objects.count() == 1


def test_an_approval_waits_for_a_change_of_the_group_and_fails(make_contact, make_group, clerk, app, reviewer):
    group = make_group(make_contact(), name="Family")
    path = f"/v1.0/contactgroups/{group.pk}"
    asked = clerk.put(path, {"groupName": "Clan"})
    answer = while_waiting(approval(reviewer, asked), before=lambda: app.put(path, {"groupName": "Tribe"}))
    assert (answer.status, answer.sub_code) == (422, "ChangeRequestOutdated")
    group.refresh_from_db()
    assert group.name == "Tribe"


def test_an_approval_waits_for_the_deletion_of_the_group_and_fails(make_contact, make_group, clerk, app, reviewer):
    path = f"/v1.0/contactgroups/{make_group(make_contact()).pk}"
    asked = clerk.put(path, {"groupName": "Clan"})
    answer = while_waiting(approval(reviewer, asked), before=lambda: app.delete(path))
    assert (answer.status, answer.sub_code) == (422, "ChangeRequestNotPending")
    assert not ContactGroup.objects.exists()


def test_the_approval_of_a_creation_waits_for_the_anonymization_of_its_contact_and_fails(make_contact, clerk, reviewer):
    contact = make_contact()
    asked = clerk.post(f"/v2.0/contacts/{contact.pk}/contactgroups", {"groupName": "Johanna Spyri"})
    answer = while_waiting(
        approval(reviewer, asked), before=lambda: anonymize_contacts(actor=TESTS, contact_ids=[contact.pk])
    )
    assert (answer.status, answer.sub_code) == (422, "ChangeRequestNotPending")
    assert not ContactGroup.objects.exists()


@pytest.mark.parametrize("attempt", range(3))
def test_a_contact_joins_by_an_approval_or_is_anonymized_before(
    make_contact, make_group, clerk, reviewer, policy, attempt
):
    member, joins = make_contact(), make_contact()
    group = make_group(member, name="Family")
    body = {"contacts": [{"contactId": row.pk, "accessPolicyId": policy()} for row in (member, joins)]}
    asked = clerk.put(f"/v1.0/contactgroups/{group.pk}", body | {"groupName": "Clan"})
    anonymized, approved = at_once(
        lambda: served(anonymize_contacts, contact_ids=[joins.pk]), approval(reviewer, asked)
    )
    assert (anonymized.status, approved.status) == (204, 204)
    group.refresh_from_db()
    assert group.name == "Clan"
