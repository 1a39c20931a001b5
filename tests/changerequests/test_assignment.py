"""Assigning a request to a member who could decide it. It is shown, and bars nobody."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.actor import member_actor
from accounts.closing import run_closing_handlers
from accounts.models import Member
from changerequests.models import Absence, ChangeRequest, Notification, RequestAssignment
from changerequests.policies import Stage
from changerequests.queries.revisions import utc_today
from changerequests.services.assigning import assign_request
from contacts.models import Contact
from core.errors import UnprocessableEntity
from tests.api import Api
from tests.changerequests.requesting import address, renaming
from tests.changerequests.reviewing import QUEUE, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def ruth(make_member: Callable[..., Member]) -> Member:
    """Another reviewer who sees all contacts."""
    return make_member("ruth", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


def assign_page(request: ChangeRequest) -> str:
    return f"{QUEUE}{request.pk}/assign/"


def assignee(request: ChangeRequest) -> Member | None:
    found = RequestAssignment.objects.filter(pk=request.pk).select_related("member").first()
    return None if found is None else found.member


def offered(browser: Client, request: ChangeRequest) -> list[str]:
    return [member.user.username for member in browser.get(assign_page(request)).context["members"]]


def why_not(request: ChangeRequest, *, by: Member, to: Member) -> str:
    """Return why a member cannot be assigned."""
    with pytest.raises(UnprocessableEntity) as refused:
        assign_request(actor=member_actor(by), change_request_id=request.pk, member_id=to.pk)
    assert refused.value.sub_code == "CannotDecide"
    return str(refused.value)


# ---- who may assign, and to whom


def test_who_could_not_decide_assigns_nobody(
    asked: ChangeRequest,
    anna: Member,
    ruth: Member,
    make_member: Callable[..., Member],
    admin_of: Callable[..., Client],
) -> None:
    looking = make_member("lena", permissions=["view_changerequest"], sees_all_contacts=True)
    elsewhere = make_member("elsewhere", reviews=True)
    for member, status in ((anna, 403), (looking, 403), (elsewhere, 404)):
        assert admin_of(member).post(assign_page(asked), {"member": ruth.pk}).status_code == status
        assert admin_of(member).get(assign_page(asked)).status_code == status
    assert assignee(asked) is None


def test_initiators_who_review_do_not_assign_their_own(
    contact: Contact, ruth: Member, make_member: Callable[..., Member], admin_of: Callable[..., Client]
) -> None:
    both = make_member("bea", reviews=True, sees_all_contacts=True)
    own = renaming(contact, by=both)
    for answer in (
        admin_of(both).post(assign_page(own), {"member": ruth.pk}, follow=True),
        admin_of(both).get(assign_page(own), follow=True),
    ):
        assert "You requested this change. Somebody else has to review it." in text_of(answer)
    assert assignee(own) is None


def test_a_member_who_could_not_decide_it_is_refused_with_the_reason(
    contact: Contact,
    asked: ChangeRequest,
    anna: Member,
    rita: Member,
    make_member: Callable[..., Member],
    api_of: Callable[..., Api],
) -> None:
    assert why_not(asked, by=rita, to=anna) == "Anna Tester may not review change requests."
    blind = make_member("bert", reviews=True)
    assert why_not(asked, by=rita, to=blind) == "Bert Tester does not see what this is about."
    closed = make_member("carl", reviews=True, sees_all_contacts=True)
    closed.user.is_active = False
    closed.user.save()
    assert why_not(asked, by=rita, to=closed) == "Carl Tester may not review change requests."
    with pytest.raises(UnprocessableEntity, match="no such member"):
        assign_request(actor=member_actor(rita), change_request_id=asked.pk, member_id=2**31 - 1)
    assert assignee(asked) is None


def test_those_whom_the_request_itself_bars_are_refused_with_the_reason(
    contact: Contact, rita: Member, ruth: Member, make_member: Callable[..., Member], api_of: Callable[..., Api]
) -> None:
    both = make_member("bea", reviews=True, sees_all_contacts=True)
    compliance = Group.objects.create(name="Compliance")
    rita.user.groups.add(compliance)
    request = renaming(contact, by=both, stages=(Stage("Review", compliance.pk, 2, None),))
    assert "Bea Tester requested this change" in why_not(request, by=rita, to=both)
    assert "group that Ruth Tester is not in" in why_not(request, by=rita, to=ruth)
    ruth.user.groups.add(compliance)
    api_of(ruth).post(address(request, "/review"), {"isApproved": True})
    assert "already decided by Ruth Tester" in why_not(request, by=rita, to=ruth)
    Absence.objects.create(member=both, substitute=rita, starts_on=utc_today(), ends_on=utc_today())
    assert assignee(request) is None


def test_only_members_who_could_decide_it_are_offered_by_name(
    contact: Contact,
    asked: ChangeRequest,
    anna: Member,
    rita: Member,
    ruth: Member,
    make_member: Callable[..., Member],
    admin_of: Callable[..., Client],
) -> None:
    make_member("bert", reviews=True)
    substitute = make_member("sven", reviews=True)
    manager = make_member("max", reviews=True)
    anna.manager = manager
    anna.save()
    absent = make_member("abel", sees_all_contacts=True)
    today = utc_today()
    Absence.objects.create(member=absent, substitute=substitute, starts_on=today, ends_on=today + timedelta(days=1))
    assert offered(admin_of(rita), asked) == ["max", "rita", "ruth", "sven"]
    Absence.objects.create(member=anna, substitute=ruth, starts_on=today, ends_on=today)
    assert offered(admin_of(rita), asked) == ["max", "rita", "sven"]


# ---- assigning, and taking away


def test_a_request_is_assigned_shown_and_taken_away(
    asked: ChangeRequest, anna: Member, rita: Member, ruth: Member, admin_of: Callable[..., Client]
) -> None:
    assert "Assigned to nobody." in text_of(admin_of(rita).get(page_of(asked)))
    shown = admin_of(rita).post(
        f"{assign_page(asked)}?_changelist_filters=age%3Dfresh", {"member": ruth.pk}, follow=True
    )
    assert "Assigned to Ruth Tester by Rita Tester" in text_of(shown)
    assert shown.redirect_chain[-1][0] == f"{page_of(asked)}?_changelist_filters=age%3Dfresh"
    assert "Ruth Tester assigned" in text_of(admin_of(anna).get(QUEUE))
    own = text_of(admin_of(anna).get(page_of(asked)))
    assert "Assigned to Ruth Tester by Rita Tester" in own
    assert "Assign to" not in own
    taken = admin_of(ruth).post(assign_page(asked), {"member": ""}, follow=True)
    assert "Assigned to nobody." in text_of(taken)
    assert assignee(asked) is None


def test_members_are_notified_of_what_others_assign_to_them(asked: ChangeRequest, rita: Member, ruth: Member) -> None:
    for member in (rita, ruth):
        assign_request(actor=member_actor(rita), change_request_id=asked.pk, member_id=member.pk)
    assert [(one.member, one.event) for one in Notification.objects.filter(request=asked)] == [(ruth, "assigned")]


def test_an_assignment_is_not_shown_to_who_does_not_see_the_request(
    asked: ChangeRequest, rita: Member, make_member: Callable[..., Member], admin_of: Callable[..., Client]
) -> None:
    admin_of(rita).post(assign_page(asked), {"member": rita.pk})
    elsewhere = admin_of(make_member("elsewhere", reviews=True))
    assert elsewhere.get(page_of(asked)).status_code == 404
    assert "Rita" not in text_of(elsewhere.get(f"{QUEUE}?status=all"))


@pytest.mark.parametrize("sent", ["x", "-1", "99999999999", "1.0"])
def test_an_id_that_is_none_assigns_nobody(
    asked: ChangeRequest, rita: Member, admin_of: Callable[..., Client], sent: str
) -> None:
    answer = admin_of(rita).post(assign_page(asked), {"member": sent}, follow=True)
    assert "There is no such member." in text_of(answer)
    assert assignee(asked) is None


# ---- it bars nobody, and ends


def test_somebody_else_decides_it_and_that_ends_the_assignment(
    asked: ChangeRequest, rita: Member, ruth: Member, api_of: Callable[..., Api]
) -> None:
    assign_request(actor=member_actor(rita), change_request_id=asked.pk, member_id=rita.pk)
    assert api_of(ruth).post(address(asked, "/review"), {"isApproved": True}).status == 204
    assert assignee(asked) is None


def test_an_assignment_outlives_the_decision_of_another_in_the_same_stage(
    contact: Contact, anna: Member, rita: Member, ruth: Member, api_of: Callable[..., Api]
) -> None:
    request = renaming(contact, by=anna, stages=(Stage("Both", None, 2, None), Stage("Last", None, 1, None)))
    assign_request(actor=member_actor(ruth), change_request_id=request.pk, member_id=rita.pk)
    api_of(ruth).post(address(request, "/review"), {"isApproved": True})
    assert assignee(request) == rita
    api_of(rita).post(address(request, "/review"), {"isApproved": True})
    assert assignee(request) is None


def test_cancelling_and_closing_a_login_end_assignments(
    make_contact: Callable[..., Contact],
    ask: Callable[..., ChangeRequest],
    anna: Member,
    rita: Member,
    api_of: Callable[..., Any],
) -> None:
    cancelled, open_one = ask(make_contact(members=[anna])), ask(make_contact(members=[anna]))
    for request in (cancelled, open_one):
        assign_request(actor=member_actor(rita), change_request_id=request.pk, member_id=rita.pk)
    assert api_of(anna).post(address(cancelled, "/cancel")).status == 204
    assert (assignee(cancelled), assignee(open_one)) == (None, rita)
    run_closing_handlers([rita.user_id])
    assert assignee(open_one) is None
