"""Claims: who has a request open. The others see it, may take it over, and may decide all the same."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.closing import run_closing_handlers
from accounts.models import Member
from changerequests.models import ChangeRequest, RequestClaim
from changerequests.policies import Stage
from contacts.models import Contact
from tests.api import Api
from tests.changerequests.requesting import SEARCH, address, renaming
from tests.changerequests.reviewing import QUEUE, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def ruth(make_member: Callable[..., Member]) -> Member:
    """Another reviewer who sees all contacts."""
    return make_member("ruth", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def apis(rita: Member, ruth: Member, api_of: Callable[..., Api]) -> tuple[Api, Api]:
    return api_of(rita), api_of(ruth)


def claim(api: Api, request: ChangeRequest, **body: Any) -> Any:
    return api.post(address(request, "/claim"), body)


def claim_page(request: ChangeRequest) -> str:
    return f"{QUEUE}{request.pk}/claim/"


def holder(request: ChangeRequest) -> str | None:
    """Return the username of the member who has a claim, live or not."""
    found = RequestClaim.objects.filter(pk=request.pk).values_list("member__user__username", flat=True)
    return found.first()


def shown_by(api: Api, request: ChangeRequest) -> set[str | None]:
    """Return the names of those who have it open, as in the details and in the list."""
    rows = [api.get(address(request)).json, *api.post(SEARCH, {}).json["results"]]
    return {row["claimedBy"] and row["claimedBy"]["name"] for row in rows}


def expire(request: ChangeRequest) -> None:
    before = timezone.now() - timedelta(minutes=20)
    RequestClaim.objects.filter(pk=request.pk).update(claimed_at=before, until=before + timedelta(minutes=10))


# ---- who may claim


def test_who_could_not_decide_claims_nothing(
    asked: ChangeRequest,
    anna: Member,
    make_member: Callable[..., Member],
    api_of: Callable[..., Api],
    admin_of: Callable[..., Client],
) -> None:
    looking = make_member("lena", permissions=["view_changerequest"], sees_all_contacts=True)
    elsewhere = make_member("elsewhere", reviews=True)
    for member, status, sub_code in ((anna, 403, "NA"), (looking, 403, "NA"), (elsewhere, 404, "NA")):
        answer = claim(api_of(member), asked)
        assert (answer.status, answer.sub_code) == (status, sub_code)
        assert api_of(member).call("DELETE", address(asked, "/claim")).status == status
        admin_of(member).get(page_of(asked))
        assert admin_of(member).post(claim_page(asked), {"take_over": ""}).status_code == status
    assert holder(asked) is None


def test_initiators_who_review_do_not_claim_their_own(
    contact: Contact, make_member: Callable[..., Member], api_of: Callable[..., Api], admin_of: Callable[..., Client]
) -> None:
    both = make_member("bea", reviews=True, sees_all_contacts=True)
    own = renaming(contact, by=both)
    assert claim(api_of(both), own).sub_code == "OwnChangeRequest"
    assert admin_of(both).get(page_of(own)).status_code == 200
    admin_of(both).post(claim_page(own), {"take_over": ""})
    assert holder(own) is None


def test_what_is_decided_is_not_claimed(
    asked: ChangeRequest, rita: Member, apis: tuple[Api, Api], admin_of: Callable[..., Client]
) -> None:
    api, other = apis
    api.post(address(asked, "/return"), {"comment": "Which name?"})
    assert claim(other, asked).sub_code == "ChangeRequestNotPending"
    assert admin_of(rita).get(page_of(asked)).status_code == 200
    assert holder(asked) is None


# ---- claiming, taking over, releasing


def test_who_opens_the_page_has_it_and_the_others_see_that(
    asked: ChangeRequest,
    anna: Member,
    rita: Member,
    ruth: Member,
    apis: tuple[Api, Api],
    admin_of: Callable[..., Client],
) -> None:
    assert shown_by(apis[1], asked) == {None}
    assert "The others see that you have this open" in text_of(admin_of(rita).get(page_of(asked)))
    assert shown_by(apis[1], asked) == {"Rita Tester"}
    theirs = text_of(admin_of(ruth).get(page_of(asked)))
    assert "Rita Tester has had this open since" in theirs
    assert "Take over" in theirs
    assert "Rita Tester" in text_of(admin_of(ruth).get(QUEUE))
    # The initiator sees it, too, and cannot take it over.
    own = text_of(admin_of(anna).get(page_of(asked)))
    assert "Rita Tester has had this open since" in own
    assert "Take over" not in own
    assert holder(asked) == "rita"


def test_a_claim_is_not_shown_to_who_does_not_see_the_request(
    asked: ChangeRequest, apis: tuple[Api, Api], make_member: Callable[..., Member], admin_of: Callable[..., Client]
) -> None:
    claim(apis[0], asked)
    elsewhere = admin_of(make_member("elsewhere", reviews=True))
    assert elsewhere.get(page_of(asked)).status_code == 404
    assert "Rita" not in text_of(elsewhere.get(QUEUE))


def test_a_claim_is_renewed_by_who_has_it(asked: ChangeRequest, apis: tuple[Api, Api]) -> None:
    first = claim(apis[0], asked)
    begun = RequestClaim.objects.get().claimed_at
    second = claim(apis[0], asked)
    assert (first.status, second.status) == (200, 200)
    assert second.json["until"] > first.json["until"]
    assert RequestClaim.objects.get().claimed_at == begun


def test_another_member_takes_a_claim_over_and_no_other_way(
    asked: ChangeRequest, ruth: Member, apis: tuple[Api, Api], admin_of: Callable[..., Client]
) -> None:
    claim(apis[0], asked)
    refused = claim(apis[1], asked)
    assert (refused.status, refused.sub_code) == (422, "ClaimedByAnother")
    assert "Rita Tester" in refused.json["message"]
    assert apis[1].call("DELETE", address(asked, "/claim")).status == 204
    assert holder(asked) == "rita"
    assert claim(apis[1], asked, takeOver=True).status == 200
    assert holder(asked) == "ruth"
    claim(apis[0], asked, takeOver=True)
    taken = admin_of(ruth).post(claim_page(asked), {"take_over": ""}, follow=True)
    assert "The others see that you have this open" in text_of(taken)
    assert holder(asked) == "ruth"


def test_an_expired_claim_is_none(asked: ChangeRequest, apis: tuple[Api, Api]) -> None:
    claim(apis[0], asked)
    expire(asked)
    begun = RequestClaim.objects.get().claimed_at
    assert shown_by(apis[1], asked) == {None}
    assert claim(apis[1], asked).status == 200
    assert (holder(asked), RequestClaim.objects.get().claimed_at > begun) == ("ruth", True)


def test_who_comes_back_after_it_expired_begins_again(asked: ChangeRequest, apis: tuple[Api, Api]) -> None:
    claim(apis[0], asked)
    expire(asked)
    begun = RequestClaim.objects.get().claimed_at
    claim(apis[0], asked)
    assert RequestClaim.objects.get().claimed_at > begun


def test_a_claim_is_released_by_its_holder(
    asked: ChangeRequest, rita: Member, apis: tuple[Api, Api], admin_of: Callable[..., Client]
) -> None:
    browser = admin_of(rita)
    browser.get(page_of(asked))
    released = browser.post(f"{claim_page(asked)}?_changelist_filters=age%3Dfresh", {"release": ""})
    assert (released.status_code, released["Location"]) == (302, f"{QUEUE}?age=fresh")
    assert holder(asked) is None
    claim(apis[0], asked)
    assert apis[0].call("DELETE", address(asked, "/claim")).status == 204
    assert holder(asked) is None
    assert browser.get(claim_page(asked)).status_code == 405


# ---- a claim bars nobody, and ends


def test_others_decide_what_somebody_has_claimed_and_that_ends_the_claim(
    asked: ChangeRequest, apis: tuple[Api, Api]
) -> None:
    claim(apis[0], asked)
    assert apis[1].post(address(asked, "/review"), {"isApproved": True}).status == 204
    assert holder(asked) is None


def test_a_decision_ends_ones_own_claim_and_that_of_another_only_with_the_stage(
    contact: Contact,
    anna: Member,
    apis: tuple[Api, Api],
    make_member: Callable[..., Member],
    api_of: Callable[..., Api],
) -> None:
    stages = (Stage("Both", None, 2, None), Stage("Last", None, 1, None))
    request = renaming(contact, by=anna, stages=stages)
    first, second = apis
    claim(first, request)
    first.post(address(request, "/review"), {"isApproved": True})
    assert holder(request) is None
    third = api_of(make_member("rolf", reviews=True, sees_all_contacts=True))
    claim(third, request)
    assert holder(request) == "rolf"
    second.post(address(request, "/review"), {"isApproved": True})
    assert holder(request) is None


def test_the_claim_of_another_outlives_a_decision_in_the_same_stage(
    contact: Contact, anna: Member, apis: tuple[Api, Api]
) -> None:
    request = renaming(contact, by=anna, stages=(Stage("Both", None, 2, None),))
    claim(apis[0], request)
    apis[1].post(address(request, "/review"), {"isApproved": True})
    assert holder(request) == "rita"


def test_cancelling_and_closing_a_login_end_claims(
    make_contact: Callable[..., Contact],
    ask: Callable[..., ChangeRequest],
    anna: Member,
    rita: Member,
    apis: tuple[Api, Api],
    api_of: Callable[..., Api],
) -> None:
    cancelled, open_one = ask(make_contact(members=[anna])), ask(make_contact(members=[anna]))
    claim(apis[0], cancelled)
    claim(apis[0], open_one)
    assert api_of(anna).post(address(cancelled, "/cancel")).status == 204
    assert (holder(cancelled), holder(open_one)) == (None, "rita")
    run_closing_handlers([rita.user_id])
    assert holder(open_one) is None
