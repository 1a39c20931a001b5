"""Closing a login cancels what was returned to it, since nobody else can amend that."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.actor import member_actor, system_actor
from accounts.models import Member
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.services.deciding import decide
from contacts.models import Contact
from contacts.services.anonymization import anonymize_contacts
from tests.changerequests.engine import status_of
from tests.changerequests.requesting import renaming

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(make_member: Callable[..., Member]) -> Member:
    return make_member("root", is_superuser=True)


def send_back(request: ChangeRequest, reviewer: Member) -> ChangeRequest:
    return decide(actor=member_actor(reviewer), change_request_id=request.pk, verdict=Verdict.RETURN)


@pytest.fixture
def returned(make_contact: Callable[..., Contact], anna: Member, rita: Member) -> ChangeRequest:
    return send_back(renaming(make_contact(), by=anna), rita)


@pytest.fixture
def returned_of_many(make_contact: Callable[..., Contact], anna: Member, rita: Member) -> ChangeRequest:
    return send_back(renaming(make_contact(), make_contact(), by=anna), rita)


def save(browser: Client, member: Member, **changes: str) -> int:
    """Send the form of a member's login, with these changes."""
    names = {"username": member.user.username, "first_name": member.user.first_name, "is_staff": "on"}
    return browser.post(f"/admin/accounts/user/{member.user_id}/change/", {**names, **changes}).status_code


def test_who_may_not_close_a_login_cancels_nothing(
    returned: ChangeRequest, anna: Member, make_member: Callable[..., Member], admin_of: Callable[..., Client]
) -> None:
    helpdesk = make_member("helpdesk", permissions=["view_user", "change_user"])
    assert save(admin_of(helpdesk), anna) == 403
    assert status_of(returned) == Status.RETURNED


def test_a_login_that_stays_open_keeps_its_requests(
    returned: ChangeRequest, anna: Member, root: Member, admin_of: Callable[..., Client]
) -> None:
    assert save(admin_of(root), anna, is_active="on", first_name="Annina") == 302
    assert status_of(returned) == Status.RETURNED


def test_a_closed_login_loses_what_was_returned_to_it_and_nothing_else(
    returned: ChangeRequest,
    returned_of_many: ChangeRequest,
    make_contact: Callable[..., Contact],
    make_member: Callable[..., Member],
    anna: Member,
    rita: Member,
    root: Member,
    admin_of: Callable[..., Client],
) -> None:
    pending = renaming(make_contact(), by=anna)
    of_another = send_back(renaming(make_contact(), by=make_member()), rita)
    assert save(admin_of(root), anna) == 302
    anna.user.refresh_from_db()
    assert not anna.user.is_active
    for request in (returned, returned_of_many):
        assert status_of(request) == Status.CANCELLED
        assert not request.subjects.filter(is_open=True).exists()
    assert (status_of(pending), status_of(of_another)) == (Status.PENDING, Status.RETURNED)


def test_a_member_who_is_a_contact_too_loses_it_with_the_anonymization(
    returned: ChangeRequest, make_contact: Callable[..., Contact], anna: Member
) -> None:
    contact = make_contact()
    Contact.objects.filter(pk=contact.pk).update(user=anna.user)
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[contact.pk])
    assert status_of(returned) == Status.CANCELLED
