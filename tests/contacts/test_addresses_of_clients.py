"""The addresses of clients who log in: nobody of the staff changes them alone, nor enters the keys."""

import re

import pytest
from django.core import mail

from accounts.actor import system_actor
from administration.services.rights import change_rights
from contacts.models import CONTACT_DETAILS, Channel, Contact
from contacts.queries.logins import login_address
from contacts.services.delivery import deliver_key
from contacts.services.logins import open_login
from tests.administration.approving import approve, waiting
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.fixtures import details
from tests.importexport.importing import array, synced

pytestmark = pytest.mark.django_db
OLD, NEW = "old@client.example", "new@client.example"
EMAIL, MOBILE = "contactInformation.email", "contactInformation.mobile"


@pytest.fixture
def contact(make_contact):
    return make_contact(details(contactInformation={"email": OLD}), username="johanna")


@pytest.fixture
def client(contact):
    open_login(actor=system_actor("tests"), contact_id=contact.pk)
    contact.refresh_from_db()
    return contact


@pytest.fixture
def mia(make_member):
    return make_member("mia", sees_all_contacts=True)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, sees_all_contacts=True)


def submit(api, contact, **values):
    return api.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": {"contactInformation": values}})


def verify(api, contact, key):
    body = {"channel": "Email", "key": key}
    return api.post(f"/v1.0/contacts/{contact.pk}/communication-verification/verify", body)


def delivered_key(contact):
    deliver_key(contact.channels.get().pk)
    return re.search(r"\b\d{6}\b", mail.outbox[-1].body)[0]


@pytest.mark.parametrize(
    ("rules", "stages"),
    [
        ([rule("Review", flaggedOnly=True)], [stage()]),
        ([rule("Review", paths=["personalInformation"])], [stage()]),
        ([rule(paths=["contactInformation"]), rule("Review")], [stage()]),
        ([], []),
    ],
    ids=["flagged only", "other fields", "excepted", "nothing waits"],
)
def test_a_member_changes_them_with_somebody_else_whatever_the_policy(client, mia, api_of, rules, stages):
    set_policy(policy(stages, rules), kind=CONTACT_DETAILS)
    address = f"/v1.0/contacts/{client.pk}/details"
    for path, values in ((EMAIL, {"email": NEW}), (EMAIL, None), (MOBILE, {"mobile": "+41791234567"})):
        answer = api_of(mia).patch(address, {"details": {"contactInformation": values}})
        assert answer.json == {"isApprovalRequired": True, "hasPendingEmail": False, "hasPendingMobile": False}
        request = waiting()
        assert request.paths == ["contactInformation", path]
        cancelled = api_of(mia).post(f"/v1.0/change-requests/{request.pk}/cancel")
        assert cancelled.status == 204
    client.refresh_from_db()
    assert (client.version, Channel.objects.count()) == (1, 0)


def test_other_fields_wait_or_not_as_before(client, mia, api_of):
    answer = submit(api_of(mia), client, phone="+41 44 123 45 67")
    assert answer.json["isApprovalRequired"] is False


def test_of_clients_without_a_login_they_wait_or_not_as_before(contact, mia, api_of):
    answer = submit(api_of(mia), contact, email=NEW)
    assert (answer.json["isApprovalRequired"], answer.json["hasPendingEmail"]) == (False, True)


def test_clients_and_applications_change_them_themselves(client, api_of, app):
    for api in (api_of(client), app):
        assert submit(api, client, email=NEW).json == {
            "isApprovalRequired": False,
            "hasPendingEmail": True,
            "hasPendingMobile": False,
        }


def test_what_was_approved_is_verified_by_the_client_and_opens_its_login_then(client, mia, rita, api_of):
    submit(api_of(mia), client, email=NEW)
    approve(rita, waiting())
    client.refresh_from_db()
    assert login_address(client) == OLD
    key = delivered_key(client)
    refused = verify(api_of(mia), client, key)
    assert (refused.status, refused.json["subCode"]) == (403, "KeyOfClient")
    assert verify(api_of(client), client, key).status == 204
    client.refresh_from_db()
    assert login_address(client) == NEW


def test_applications_enter_keys_too(client, app):
    submit(app, client, email=NEW)
    assert verify(app, client, delivered_key(client)).status == 204


def test_members_enter_keys_of_clients_without_a_login(contact, mia, api_of):
    submit(api_of(mia), contact, email=NEW)
    assert verify(api_of(mia), contact, delivered_key(contact)).status == 204
    contact.refresh_from_db()
    # But that opens no login.
    assert login_address(contact) == ""


@pytest.mark.parametrize("rules", [[rule("Review", flaggedOnly=True)], []], ids=["flagged only", "no rules"])
def test_the_import_of_a_member_waits_for_them_too(contact_type, mia, actor_of, rules):
    set_policy(policy([stage()] if rules else [], rules), kind=CONTACT_DETAILS)

    def entry(number, email):
        content = details(contactInformation={"email": email})
        given = {"externalId": f"E-{number}", "contactTypeId": contact_type.pk, "username": f"client-{number}"}
        return {**given, "details": content}

    synced(array(entry(1, OLD), entry(2, "other@client.example")))
    with_login, without = Contact.objects.order_by("pk")
    open_login(actor=system_actor("tests"), contact_id=with_login.pk)
    job = synced(array(entry(1, NEW), entry(2, "another@client.example")), actor=actor_of(mia))
    assert (job.updated, job.awaiting_approval) == (1, 1)
    assert waiting().subjects.get().subject_id == with_login.pk
    for contact, email in ((with_login, OLD), (without, "another@client.example")):
        contact.refresh_from_db()
        assert contact.details["contactInformation"]["email"] == email


def test_the_address_of_the_user_does_not_count(client):
    user_id = client.user_id
    change_rights(actor=system_actor("tests"), user_id=user_id, target={"email": "elsewhere@client.example"})
    assert login_address(client) == OLD
