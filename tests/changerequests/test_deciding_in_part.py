"""Approving some changes of a request on its review page, and rejecting the others."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.actor import member_actor
from accounts.models import Member
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest, Decision, Status
from changerequests.outcomes import deliver_outcome
from changerequests.services.withdrawing import amend_change_request
from contactgroups.models import CONTACT_GROUP
from contacts.models import CONTACT_CREATION, CONTACT_DETAILS, Contact
from contacts.services.creation import create_contact
from importexport.models import EXPORT
from schemas.models import ListItem
from tests.changerequests.engine import BOTH, NAME, NOTES, seen
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.changerequests.reviewing import page_of, text_of
from tests.fixtures import details

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
WHY = "No certificate of marriage"


@pytest.fixture
def both(contact: Contact, ask: Callable[..., ChangeRequest]) -> ChangeRequest:
    """A request for another last name and other notes."""
    return ask(contact, BOTH)


def approve(request: ChangeRequest, *kept: str, comment: str = WHY, **others: Any) -> dict[str, Any]:
    """Return the form that approves what is ticked."""
    return {
        "decision": "approve",
        "shows_boxes": "yes",
        "approved": list(kept),
        "comment": comment,
        "digest": seen(request),
        **others,
    }


def values_of(contact: Contact) -> tuple[str, str | None]:
    contact.refresh_from_db()
    return contact.details["personalInformation"]["lastName"], contact.details.get("relationship", {}).get("notes")


def box(path: str, *, is_ticked: bool = True) -> str:
    ticked = " checked" if is_ticked else ""
    return f'name="approved" value="{path}" form="decision-form" autocomplete="off"{ticked}>'


# ---- who may


def test_nobody_strikes_from_a_request_of_their_own(
    admin_of: Callable[..., Client], anna: Member, make_member: Callable[..., Member], both: ChangeRequest
) -> None:
    page = admin_of(anna).get(page_of(both))
    assert 'name="approved"' not in page.content.decode()
    assert admin_of(anna).post(page_of(both), approve(both, NAME)).status_code == 403
    looker = make_member("looker", permissions=["view_changerequest"], sees_all_contacts=True)
    assert 'name="approved"' not in admin_of(looker).get(page_of(both)).content.decode()
    assert admin_of(looker).post(page_of(both), approve(both, NAME)).status_code == 403
    both.refresh_from_db()
    assert (both.status, both.revision_number) == (Status.PENDING, 1)


def test_a_request_about_an_invisible_contact_is_not_found(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], both: ChangeRequest
) -> None:
    stranger = make_member("stranger", reviews=True)
    assert admin_of(stranger).post(page_of(both), approve(both, NAME)).status_code == 404


# ---- what is refused


def test_nothing_ticked_is_refused_and_leads_to_rejecting(
    admin_of: Callable[..., Client], rita: Member, both: ChangeRequest
) -> None:
    refused = admin_of(rita).post(page_of(both), approve(both))
    assert "No change is ticked. Tick what you approve, or reject the request." in text_of(refused)
    both.refresh_from_db()
    assert (both.status, both.revision_number) == (Status.PENDING, 1)


def test_striking_needs_a_reason_and_what_was_ticked_survives_its_lack(
    admin_of: Callable[..., Client], rita: Member, both: ChangeRequest
) -> None:
    refused = admin_of(rita).post(page_of(both), approve(both, NOTES, comment=" "))
    html = refused.content.decode()
    assert "Say why you do not approve all of it" in text_of(refused)
    assert "Approve 1 of 2" in text_of(refused)
    assert box(NOTES) in html
    assert box(NAME, is_ticked=False) in html
    assert not Decision.objects.exists()


def test_what_was_ticked_and_typed_survives_another_wording(
    admin_of: Callable[..., Client], rita: Member, anna: Member, both: ChangeRequest, contact: Contact
) -> None:
    sent = approve(both, NOTES)
    document = {**BOTH, "personalInformation": {"lastName": "Heusser-Spyri"}}
    amend_change_request(actor=member_actor(anna), change_request_id=both.pk, document=document)
    overtaken = admin_of(rita).post(page_of(both), sent)
    html = overtaken.content.decode()
    assert overtaken.status_code == 412
    assert WHY in html
    assert box(NAME, is_ticked=False) in html
    assert values_of(contact) == ("Spyri", None)


def test_enter_in_a_box_decides_nothing(
    admin_of: Callable[..., Client], rita: Member, both: ChangeRequest, contact: Contact
) -> None:
    sent = approve(both, NAME)
    del sent["decision"]
    html = admin_of(rita).post(page_of(both), sent).content.decode()
    assert WHY in html
    assert box(NOTES, is_ticked=False) in html
    assert html.index('<button type="submit" hidden>') < html.index('value="reject"')
    assert values_of(contact) == ("Spyri", None)


@pytest.mark.parametrize("decision", ["reject", "return"])
def test_ticks_say_nothing_of_a_rejection_or_a_return(
    admin_of: Callable[..., Client], rita: Member, both: ChangeRequest, contact: Contact, decision: str
) -> None:
    admin_of(rita).post(page_of(both), approve(both, NAME, decision=decision))
    both.refresh_from_db()
    assert both.revision_number == 1
    assert not both.is_pending
    assert values_of(contact) == ("Spyri", None)


# ---- what it does


def test_every_change_is_ticked_at_first_and_approved(
    admin_of: Callable[..., Client], rita: Member, both: ChangeRequest, contact: Contact
) -> None:
    html = admin_of(rita).get(page_of(both)).content.decode()
    assert box(NAME) in html
    assert box(NOTES) in html
    admin_of(rita).post(page_of(both), approve(both, NAME, NOTES, comment=""))
    both.refresh_from_db()
    assert (both.status, both.revision_number) == (Status.APPROVED, 1)
    assert values_of(contact) == ("Heusser", "Married.")


def test_what_is_ticked_is_approved_and_the_rest_is_not(
    admin_of: Callable[..., Client], rita: Member, anna: Member, both: ChangeRequest, contact: Contact
) -> None:
    decided = admin_of(rita).post(page_of(both), approve(both, NOTES), follow=True)
    assert "was approved in part, and the changes are made. Not approved: Last name." in text_of(decided)
    assert values_of(contact) == ("Spyri", "Married.")
    shown = text_of(admin_of(anna).get(page_of(both)))
    assert "Partly removed by Rita Tester" in shown
    assert "Not approved: Last name" in shown
    assert WHY in shown


def test_the_mail_says_what_was_struck_by_whom_and_why_and_no_value(
    admin_of: Callable[..., Client], rita: Member, anna: Member, both: ChangeRequest
) -> None:
    anna.user.email = "anna@bank.example"
    anna.user.save()
    admin_of(rita).post(page_of(both), approve(both, NOTES))
    deliver_outcome(both.pk)
    [message] = mail.outbox
    assert "was approved in part by Rita Tester." in message.body
    assert "Fields:\n- Notes\n\nNot approved by Rita Tester:\n- Last name\n\nComment:\n" in message.body
    assert message.body.count(WHY) == 1
    assert "Heusser" not in message.body


def test_an_approval_in_part_is_one_of_two_and_the_page_says_what_is_left(
    admin_of: Callable[..., Client], rita: Member, make_member: Callable[..., Member], contact: Contact, ask: Any
) -> None:
    set_policy(policy([stage(approvals=2)], [rule("Review")]))
    asked = ask(contact, BOTH)
    decided = admin_of(rita).post(page_of(asked), approve(asked, NOTES), follow=True)
    assert "was revised without what you removed: Last name. It is now pending for Review." in text_of(decided)
    assert values_of(contact) == ("Spyri", None)
    other = admin_of(make_member("other", reviews=True, sees_all_contacts=True))
    shown = text_of(other.get(page_of(asked)))
    assert "The request was revised without what was removed. Earlier approvals no longer count." in shown
    assert "1 approval is missing" in shown
    assert "Heusser" not in shown
    other.post(page_of(asked), {"decision": "approve", "digest": seen(asked)})
    assert values_of(contact) == ("Spyri", "Married.")


# ---- where it is not offered


def test_a_request_for_one_change_has_no_boxes(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest
) -> None:
    assert 'name="approved"' not in admin_of(rita).get(page_of(asked)).content.decode()


def test_something_new_is_taken_as_a_whole(
    admin_of: Callable[..., Client], rita: Member, anna: Member, contact_type: ListItem
) -> None:
    set_policy(policy([stage()], [rule("Review")]), kind=CONTACT_CREATION)
    asked = create_contact(
        actor=member_actor(anna), type_id=contact_type.pk, username="johanna", details=details(), connections=[]
    )
    assert isinstance(asked, ChangeRequest)
    html = admin_of(rita).get(page_of(asked)).content.decode()
    assert 'value="approve"' in html
    assert 'name="approved"' not in html


@pytest.mark.parametrize(
    ("kind", "paths"),
    [
        (CONTACT_GROUP, ["id", "name", "members.7"]),
        (EXPORT, ["contacts.filter", "contacts.columns", "contacts.rows"]),
        (CONTACT_DETAILS, [NAME]),
    ],
)
def test_what_is_decided_as_a_whole_has_no_boxes(kind: str, paths: list[str]) -> None:
    assert request_kind(kind).strikable(paths) == set()


def test_other_changes_of_a_group_have_boxes() -> None:
    paths = ["name", "members.7"]
    assert request_kind(CONTACT_GROUP).strikable(paths) == set(paths)
