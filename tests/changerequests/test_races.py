"""Concurrent operations on separate connections: exactly one of each pair wins."""

import pytest

from changerequests.models import ChangeRequest, Status
from contacts.models import Contact
from tests.concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anna(make_member):
    return make_member("anna")


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(members=[anna])


def details_path(contact: Contact) -> str:
    return f"/v1.0/contacts/{contact.pk}/details"


def ask(api, contact, name):
    return api.patch(details_path(contact), {"details": {"personalInformation": {"lastName": name}}})


def review_path(request: ChangeRequest) -> str:
    return f"/v1.0/contacts/{request.subject_id}/change-requests/{request.pk}/review"


@pytest.mark.parametrize("attempt", range(3))
def test_of_two_reviewers_at_once_one_wins(contact, anna, make_member, api_of, attempt):
    ask(api_of(anna), contact, "Heusser")
    request = ChangeRequest.objects.get()
    reviewers = [api_of(make_member(reviews=True, sees_all_contacts=True)) for _ in range(2)]
    answers = at_once(
        lambda: reviewers[0].post(review_path(request), {"isApproved": True}),
        lambda: reviewers[1].post(review_path(request), {"isApproved": False}),
    )
    assert sorted(answer.status for answer in answers) == [204, 422]
    loser = next(answer for answer in answers if answer.status == 422)
    assert loser.sub_code == "ChangeRequestNotPending"
    approved = answers[0].status == 204
    request.refresh_from_db()
    contact.refresh_from_db()
    assert request.status == (Status.APPROVED if approved else Status.REJECTED)
    assert contact.version == (2 if approved else 1)


@pytest.mark.parametrize("attempt", range(3))
def test_of_two_submissions_at_once_for_one_contact_one_waits(contact, anna, make_member, api_of, attempt):
    ben = make_member("ben", sees_all_contacts=True)
    clients = [api_of(anna), api_of(ben)]
    answers = at_once(
        lambda: ask(clients[0], contact, "Heusser"),
        lambda: ask(clients[1], contact, "Zur Mühlen"),
    )
    assert sorted(answer.status for answer in answers) == [200, 422]
    loser = next(answer for answer in answers if answer.status == 422)
    assert loser.sub_code == "PendingChangeRequestExists"
    assert ChangeRequest.objects.filter(status=Status.PENDING).count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_an_approval_and_an_app_that_changes_the_same_path_do_not_mix(
    contact, anna, make_member, make_app, api_of, attempt
):
    ask(api_of(anna), contact, "Heusser")
    request = ChangeRequest.objects.get()
    reviewer, app = api_of(make_member(reviews=True, sees_all_contacts=True)), api_of(make_app())
    approval, change = at_once(
        lambda: reviewer.post(review_path(request), {"isApproved": True}),
        lambda: ask(app, contact, "Zur Mühlen"),
    )
    assert change.status == 200
    contact.refresh_from_db()
    request.refresh_from_db()
    # In either order the application's name is the final one; the approval came before it or failed.
    assert contact.details["personalInformation"]["lastName"] == "Zur Mühlen"
    if approval.status == 204:
        assert (request.status, contact.version) == (Status.APPROVED, 3)
    else:
        assert (approval.sub_code, request.status, contact.version) == ("ChangeRequestOutdated", Status.PENDING, 2)


def test_two_contacts_created_at_once_with_one_username_make_one(contact_type, make_app, api_of):
    app = api_of(make_app())
    body = {
        "contactTypeId": contact_type.pk,
        "username": "johanna",
        "details": {"personalInformation": {"firstName": "Johanna", "lastName": "Spyri"}},
    }
    answers = at_once(
        lambda: app.post("/v1.0/contacts", body),
        lambda: app.post("/v1.0/contacts", {**body, "username": "JOHANNA"}),
    )
    assert sorted(answer.status for answer in answers) == [201, 422]
    assert {answer.sub_code for answer in answers if answer.status == 422} == {"UsernameNotUnique"}
    assert Contact.objects.count() == 1


def test_one_external_id_given_to_two_contacts_at_once_stays_with_one(make_contact, make_app, api_of):
    app, contacts = api_of(make_app()), [make_contact(), make_contact()]
    answers = at_once(
        *(
            lambda contact=contact: app.post(
                f"/v1.0/contacts/{contact.pk}/external-connections", {"externalId": "C-1", "system": "CRM"}
            )
            for contact in contacts
        )
    )
    assert sorted(answer.status for answer in answers) == [204, 422]
