"""Bulk decisions: each request is decided separately and has its own result."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.actor import member_actor, system_actor
from accounts.models import Member, User
from changerequests.models import ChangeRequest, Status
from contacts.models import Contact
from contacts.services.changes import patch_details
from tests.changerequests.reviewing import NEW_NAME, QUEUE, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
APPROVE, REJECT = "approve_selected", "reject_selected"


def form(action: str, *requests: ChangeRequest, **others: str) -> dict[str, Any]:
    return {"action": action, "_selected_action": [str(request.pk) for request in requests], **others}


def status_of(request: ChangeRequest) -> Status:
    request.refresh_from_db()
    return Status(request.status)


@pytest.fixture
def three(
    anna: Member, make_contact: Callable[..., Contact], ask: Callable[..., ChangeRequest]
) -> tuple[ChangeRequest, ChangeRequest, ChangeRequest]:
    return (
        ask(make_contact(members=[anna])),
        ask(make_contact(members=[anna])),
        ask(make_contact(members=[anna]), comment="As on the passport"),
    )


# ---- who may


@pytest.mark.parametrize("action", [APPROVE, REJECT])
def test_who_lacks_the_permission_is_offered_no_action_and_a_forged_one_does_nothing(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest, action: str
) -> None:
    looker = make_member("looker", permissions=["view_changerequest"], sees_all_contacts=True)
    browser = admin_of(looker)
    assert 'name="action"' not in browser.get(QUEUE).content.decode()
    browser.post(QUEUE, form(action, asked, confirmed="yes", comment="Fine"))
    assert status_of(asked) == Status.PENDING


def test_a_request_of_ones_own_is_left_out_and_refused_when_it_is_forged(
    admin_of: Callable[..., Client], anna: Member, asked: ChangeRequest
) -> None:
    User.objects.filter(pk=anna.user_id).update(is_superuser=True)
    browser = admin_of(anna)
    listed = browser.post(QUEUE, form(APPROVE, asked))
    assert "You requested this change yourself" in text_of(listed)
    assert "None of these can be decided by you." in text_of(listed)
    forged = browser.post(QUEUE, form(APPROVE, asked, confirmed="yes", comment="Fine"))
    assert "Not approved" in text_of(forged)
    assert "Somebody else has to review it" in text_of(forged)
    assert status_of(asked) == Status.PENDING


def test_what_the_reviewer_cannot_see_is_not_told_from_what_does_not_exist(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest
) -> None:
    blind = make_member("blind", reviews=True)
    browser = admin_of(blind)
    assert "Spyri" not in text_of(browser.post(QUEUE, form(APPROVE, asked)))
    results = text_of(browser.post(QUEUE, form(APPROVE, asked, confirmed="yes")))
    assert f"#{asked.pk}" in results
    assert "There is no change request with this id that you can see." in results
    assert "Spyri" not in results
    assert status_of(asked) == Status.PENDING


# ---- deciding


def test_the_page_before_lists_what_would_be_decided_and_decides_nothing(
    admin_of: Callable[..., Client], rita: Member, three: tuple[ChangeRequest, ...]
) -> None:
    listed = admin_of(rita).post(QUEUE, form(APPROVE, *three))
    shown = text_of(listed)
    assert "Approve 3 requests" in shown
    assert shown.count("Removed: Spyri") == 3
    assert shown.count("Added: Heusser") == 3
    assert "As on the passport" in shown
    assert {status_of(request) for request in three} == {Status.PENDING}


def test_each_is_approved_with_the_one_comment(
    admin_of: Callable[..., Client], rita: Member, three: tuple[ChangeRequest, ...]
) -> None:
    results = admin_of(rita).post(QUEUE, form(APPROVE, *three[:2], confirmed="yes", comment="Seen the passports"))
    assert [result.is_decided for result in results.context["results"]] == [True, True]
    assert text_of(results).count("Johanna Spyri Approved") == 2
    assert [status_of(request) for request in three] == [Status.APPROVED, Status.APPROVED, Status.PENDING]
    assert {request.review_comment for request in three[:2]} == {"Seen the passports"}
    assert Contact.objects.filter(details__personalInformation__lastName="Heusser").count() == 2


def test_one_that_fails_keeps_none_of_the_others_from_being_approved(
    admin_of: Callable[..., Client],
    rita: Member,
    make_member: Callable[..., Member],
    make_contact: Callable[..., Contact],
    three: tuple[ChangeRequest, ...],
) -> None:
    outdated, decided, good = three
    overtaking = {"personalInformation": {"lastName": "Keller"}}
    patch_details(actor=system_actor("tests"), contact_id=outdated.subject_id, patch=overtaking)
    other = make_member("other", reviews=True, sees_all_contacts=True)
    admin_of(other).post(QUEUE, form(REJECT, decided, confirmed="yes", comment="No"))
    own = patch_details(actor=member_actor(rita), contact_id=make_contact(members=[rita]).pk, patch=NEW_NAME)
    assert own.change_request is not None
    selected = (outdated, decided, good, own.change_request)
    results = text_of(admin_of(rita).post(QUEUE, form(APPROVE, *selected, confirmed="yes")))
    assert "Last name: The value is no longer the original one." in results
    assert "The change request is no longer pending: it is Rejected." in results
    assert "Somebody else has to review it" in results
    assert [status_of(request) for request in selected] == [
        Status.PENDING,
        Status.REJECTED,
        Status.APPROVED,
        Status.PENDING,
    ]


def test_rejecting_needs_a_comment_and_keeps_what_was_selected(
    admin_of: Callable[..., Client], rita: Member, three: tuple[ChangeRequest, ...]
) -> None:
    browser = admin_of(rita)
    refused = browser.post(QUEUE, form(REJECT, *three, confirmed="yes", comment=" "))
    assert "Say why you reject it" in text_of(refused)
    page = refused.content.decode()
    assert all(f'name="_selected_action" value="{request.pk}"' in page for request in three)
    assert {status_of(request) for request in three} == {Status.PENDING}
    browser.post(QUEUE, form(REJECT, *three, confirmed="yes", comment="No passport"))
    assert {status_of(request) for request in three} == {Status.REJECTED}
    assert {request.review_comment for request in three} == {"No passport"}


def test_what_is_outdated_may_be_rejected_with_the_others_and_is_left_out_of_an_approval(
    admin_of: Callable[..., Client], rita: Member, three: tuple[ChangeRequest, ...]
) -> None:
    overtaking = {"personalInformation": {"lastName": "Keller"}}
    patch_details(actor=system_actor("tests"), contact_id=three[0].subject_id, patch=overtaking)
    browser = admin_of(rita)
    approving, rejecting = (text_of(browser.post(QUEUE, form(action, *three))) for action in (APPROVE, REJECT))
    assert "Approve 2 requests" in approving
    assert "It is excluded." in approving
    assert "Reject 3 requests" in rejecting
    assert "It is excluded." not in rejecting


@pytest.mark.parametrize("ids", [["x"], ["-1"], ["99999999999999999999"], [str(number) for number in range(1, 102)]])
def test_a_selection_that_makes_no_sense_or_is_too_large_decides_nothing(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, ids: list[str]
) -> None:
    sent = {"action": APPROVE, "_selected_action": ids, "confirmed": "yes"}
    assert "Select up to 100 requests" in text_of(admin_of(rita).post(QUEUE, sent, follow=True))
    assert status_of(asked) == Status.PENDING


def test_the_whole_queue_is_not_selected_at_once(
    admin_of: Callable[..., Client], rita: Member, three: tuple[ChangeRequest, ...]
) -> None:
    forged = form(APPROVE, three[0], select_across="1", index="0", confirmed="yes")
    admin_of(rita).post(QUEUE, forged)
    assert [status_of(request) for request in three] == [Status.APPROVED, Status.PENDING, Status.PENDING]


def test_what_is_decided_is_offered_no_action(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest
) -> None:
    assert 'name="action"' in admin_of(rita).get(f"{QUEUE}?status=all").content.decode()
    asked.status = Status.CANCELLED
    asked.save()
    assert 'name="action"' not in admin_of(rita).get(f"{QUEUE}?status=4").content.decode()


def test_the_page_takes_as_many_queries_for_many_as_for_few(
    admin_of: Callable[..., Client], rita: Member, three: tuple[ChangeRequest, ...], count_queries: Callable[[], Any]
) -> None:
    browser = admin_of(rita)
    browser.post(QUEUE, form(APPROVE, *three))
    counts = []
    for selected in (three[:1], three):
        with count_queries() as queries:
            browser.post(QUEUE, form(APPROVE, *selected))
        counts.append(len(queries))
    assert counts[0] == counts[1]
