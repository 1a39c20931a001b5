"""A contact's identity is changed while a request about it is decided, on separate connections: one of the two wins."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.actor import Actor, ActorKind, member_actor
from accounts.models import Member
from audit.models import Entry
from changerequests.models import ChangeRequest, Status
from contacts.kinds.identity import ContactIdentityKind
from contacts.models import CONTACT_IDENTITY, Contact
from contacts.services.identity import change_username
from tests.api import Answer, Api
from tests.changerequests.engine import approve_all, seen, status_of
from tests.changerequests.policies import set_policy
from tests.concurrency import at_once, while_waiting

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Any]


@pytest.fixture
def anna(make_member: Make) -> Any:
    return make_member("anna", permissions=["change_contact_details"])


@pytest.fixture
def rita(make_member: Make) -> Any:
    return make_member("rita", reviews=True, sees_all_contacts=True)


@pytest.fixture
def contact(make_contact: Make, anna: Member) -> Any:
    return make_contact(members=[anna], username="heidi")


@pytest.fixture
def request_of_anna(anna: Member, contact: Contact) -> ChangeRequest:
    """Anna asks to call the contact johanna."""
    set_policy(ContactIdentityKind.profiles["strict"], kind=CONTACT_IDENTITY)
    request = change_username(actor=member_actor(anna), contact_id=contact.pk, username="johanna")
    assert request is not None
    return request


@pytest.fixture
def crm(make_app: Make) -> Actor:
    application = make_app("crm")
    return Actor(kind=ActorKind.APP, name="crm", application_id=application.pk)


def approval(api: Api, request: ChangeRequest) -> Callable[[], Answer]:
    body = {"isApproved": True, "digest": seen(request)}
    return lambda: api.post(f"/v1.0/change-requests/{request.pk}/review", body)


def username(contact: Contact) -> str | None:
    contact.refresh_from_db()
    return contact.username


def recorded(contact: Contact) -> list[tuple[str, int | None]]:
    """Return what the ledger says that the contact was called, in order, and the requests that approved it."""
    entries = Entry.objects.of(CONTACT_IDENTITY, contact.pk).order_by("sequence")
    return [(entry.changes[0]["target"], entry.change_request_id) for entry in entries]


def test_an_approval_that_waits_for_an_application_is_refused_and_says_why(
    api_of: Make, rita: Member, contact: Contact, request_of_anna: ChangeRequest, crm: Actor
) -> None:
    refused = while_waiting(
        approval(api_of(rita), request_of_anna),
        before=lambda: change_username(actor=crm, contact_id=contact.pk, username="louise"),
    )
    assert (refused.status, refused.sub_code) == (422, "ChangeRequestOutdated")
    assert refused.json["properties"] == {"username": ["The value is no longer the original one."]}
    assert (username(contact), status_of(request_of_anna)) == ("louise", Status.PENDING)
    assert recorded(contact) == [("louise", None)]


def test_an_application_that_waits_for_an_approval_changes_what_was_approved(
    api_of: Make, make_app: Make, rita: Member, contact: Contact, request_of_anna: ChangeRequest
) -> None:
    application = api_of(make_app())
    answer = while_waiting(
        lambda: application.put(f"/v1.0/contacts/{contact.pk}/username", {"username": "louise"}),
        before=lambda: approve_all(rita),
    )
    assert (answer.status, username(contact), status_of(request_of_anna)) == (204, "louise", Status.APPROVED)
    assert recorded(contact) == [("johanna", request_of_anna.pk), ("louise", None)]


def test_a_username_that_another_contact_gets_meanwhile_is_refused(
    api_of: Make, make_contact: Make, rita: Member, contact: Contact, request_of_anna: ChangeRequest, crm: Actor
) -> None:
    other = make_contact(username="louise")
    refused = while_waiting(
        approval(api_of(rita), request_of_anna),
        before=lambda: change_username(actor=crm, contact_id=other.pk, username="Johanna"),
    )
    assert (refused.status, refused.sub_code) == (422, "UsernameNotUnique")
    assert (username(contact), username(other)) == ("heidi", "Johanna")
    assert status_of(request_of_anna) == Status.PENDING


@pytest.mark.parametrize("_attempt", range(3))
def test_an_approval_and_an_application_at_once_do_not_mix(
    api_of: Make, make_app: Make, rita: Member, contact: Contact, request_of_anna: ChangeRequest, _attempt: int
) -> None:
    application = api_of(make_app())
    decided, changed = at_once(
        approval(api_of(rita), request_of_anna),
        lambda: application.put(f"/v1.0/contacts/{contact.pk}/username", {"username": "louise"}),
    )
    assert (changed.status, username(contact)) == (204, "louise")
    if decided.status == 204:
        assert recorded(contact) == [("johanna", request_of_anna.pk), ("louise", None)]
        assert status_of(request_of_anna) == Status.APPROVED
    else:
        assert (decided.status, decided.sub_code) == (422, "ChangeRequestOutdated")
        assert recorded(contact) == [("louise", None)]
        assert status_of(request_of_anna) == Status.PENDING
