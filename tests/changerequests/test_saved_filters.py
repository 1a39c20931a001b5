"""The filters above the queue: those that everybody has, and those that a member has saved."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.actor import member_actor
from accounts.models import Member, Participant
from changerequests.models import Absence, ChangeRequest, SavedFilter, Status
from changerequests.policies import Stage
from changerequests.queries.revisions import utc_today
from changerequests.services.assigning import assign_request
from changerequests.services.saved_filters import MOST_SAVED
from contacts.models import Contact
from tests.api import Api
from tests.changerequests.requesting import SEARCH, address, renaming
from tests.changerequests.reviewing import QUEUE, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SAVE = f"{QUEUE}filters/save/"
OF_EVERYBODY = ["Mine to decide", "Assigned to me", "Overdue", "Returned to me", "Requested by me"]


@pytest.fixture
def bea(make_member: Callable[..., Member]) -> Member:
    """A reviewer who also asks."""
    return make_member("bea", reviews=True, sees_all_contacts=True)


@pytest.fixture
def make_request(make_contact: Callable[..., Contact]) -> Callable[..., ChangeRequest]:
    return lambda by, *stages: renaming(make_contact(members=[by]), by=by, stages=stages or (Stage("Review"),))


def links(browser: Client, query: str = "") -> dict[str, Any]:
    return {link.name: link for link in browser.get(f"{QUEUE}{query}").context["cl"].filter_links.links}


def shown(browser: Client, query: str) -> list[int]:
    return [row.pk for row in browser.get(f"{QUEUE}{query}").context["cl"].result_list]


def shown_by(browser: Client, name: str, query: str = "") -> list[int]:
    """Return the ids of the requests behind a link above the list."""
    return shown(browser, links(browser, query)[name].query_string)


def delete_page(saved: SavedFilter) -> str:
    return f"{QUEUE}filters/{saved.pk}/delete/"


# ---- those that everybody has


def test_mine_to_decide_is_what_the_api_calls_so(
    anna: Member,
    bea: Member,
    make_member: Callable[..., Member],
    make_request: Callable[..., ChangeRequest],
    admin_of: Callable[..., Client],
    api_of: Callable[..., Api],
) -> None:
    compliance = Group.objects.create(name="Compliance")
    others, own = make_request(anna), make_request(bea)
    make_request(anna, Stage("Compliance", compliance.pk, 1, None))
    decided = make_request(anna, Stage("Both", None, 2, None))
    api_of(bea).post(address(decided, "/review"), {"isApproved": True})
    returned = make_request(anna)
    api_of(bea).post(address(returned, "/return"), {"comment": "Which?"})
    # Seen only through somebody whose substitute it is.
    substitute = make_member("sven", reviews=True, permissions=["view_contact"])
    today = utc_today()
    Absence.objects.create(member=anna, substitute=substitute, starts_on=today, ends_on=today)
    for member, expected in ((bea, {others.pk}), (anna, set()), (substitute, set())):
        api = api_of(member).post(SEARCH, {"isMineToDecide": True})
        assert (
            {row["id"] for row in api.json["results"]} == set(shown_by(admin_of(member), "Mine to decide")) == expected
        )
    manager = make_member("max")
    anna.manager = manager
    anna.save()
    Absence.objects.create(member=manager, substitute=bea, starts_on=today, ends_on=today)
    bea.sees_all_contacts = False
    bea.save()
    api = api_of(bea).post(SEARCH, {"isMineToDecide": True})
    assert {row["id"] for row in api.json["results"]} == set(shown_by(admin_of(bea), "Mine to decide")) == {others.pk}
    assert own.pk not in shown_by(admin_of(bea), "Mine to decide")
    # The page and the bulk decision show it, too.
    browser = admin_of(bea)
    assert browser.get(page_of(others)).status_code == 200
    selected = {"action": "approve_selected", "_selected_action": others.pk}
    assert browser.post(f"{QUEUE}?turn=mine", selected).context["able"] == 1


def test_links_lead_to_what_is_assigned_overdue_returned_and_asked(
    anna: Member,
    bea: Member,
    rita: Member,
    make_request: Callable[..., ChangeRequest],
    admin_of: Callable[..., Client],
    api_of: Callable[..., Api],
) -> None:
    assigned, overdue, own, returned = make_request(anna), make_request(anna), make_request(bea), make_request(bea)
    assign_request(actor=member_actor(rita), change_request_id=assigned.pk, member_id=bea.pk)
    ChangeRequest.objects.filter(pk=overdue.pk).update(due_at=timezone.now() - timedelta(hours=1))
    api_of(rita).post(address(returned, "/return"), {"comment": "Which?"})
    browser = admin_of(bea)
    assert list(links(browser)) == OF_EVERYBODY
    assert shown_by(browser, "Assigned to me") == [assigned.pk]
    assert shown_by(browser, "Overdue") == [overdue.pk]
    assert shown_by(browser, "Returned to me") == [returned.pk]
    assert shown_by(browser, "Requested by me") == [returned.pk, own.pk]
    assert shown_by(admin_of(rita), "Assigned to me") == []


def test_a_link_keeps_the_other_filters_and_says_that_it_is_chosen(
    anna: Member, bea: Member, make_request: Callable[..., ChangeRequest], admin_of: Callable[..., Client]
) -> None:
    make_request(anna)
    participant = Participant.objects.create(name="North")
    browser, query = admin_of(bea), f"?age=fresh&participant={participant.pk}&p=1"
    found = links(browser, f"{query}&due=overdue")
    assert found["Mine to decide"].query_string == f"?age=fresh&participant={participant.pk}&turn=mine"
    assert [name for name, link in found.items() if link.is_present] == ["Overdue"]
    queue = browser.get(f"{QUEUE}?turn=mine&age=fresh&participant={participant.pk}").context["cl"]
    assert [tab["query_string"] for tab in queue.status_tabs][1] == (
        f"?age=fresh&participant={participant.pk}&status={Status.RETURNED.value}"
    )
    assert '<input type="hidden" name="turn" value="mine">' in browser.get(f"{QUEUE}?turn=mine").content.decode()
    assert shown(browser, "?turn=mine&age=1") == []


def test_what_is_mine_to_decide_is_walked(
    anna: Member, bea: Member, make_request: Callable[..., ChangeRequest], admin_of: Callable[..., Client]
) -> None:
    first, _own, second = make_request(anna), make_request(bea), make_request(anna)
    browser, walk = admin_of(bea), "?_changelist_filters=turn%3Dmine"
    page = browser.get(f"{page_of(first)}{walk}")
    assert page.context["next_address"] == f"{page_of(second)}{walk}"
    digest = page.context["digest"]
    decided = browser.post(f"{page_of(first)}{walk}", {"decision": "approve", "digest": digest})
    assert decided["Location"] == f"{page_of(second)}{walk}"


def test_an_unknown_turn_is_refused(bea: Member, admin_of: Callable[..., Client]) -> None:
    assert admin_of(bea).get(f"{QUEUE}?turn=everybody").status_code == 302


# ---- one's own


def test_only_members_who_may_see_the_queue_save_filters(
    make_member: Callable[..., Member], admin_of: Callable[..., Client]
) -> None:
    clerk = make_member("clerk")
    assert admin_of(clerk).post(SAVE, {"name": "Old", "query": "age=7"}).status_code == 403
    assert not SavedFilter.objects.exists()


def test_filters_are_saved_opened_and_deleted(
    anna: Member, bea: Member, make_request: Callable[..., ChangeRequest], admin_of: Callable[..., Client]
) -> None:
    make_request(anna)
    browser = admin_of(bea)
    assert "Save these filters" not in text_of(browser.get(QUEUE))
    assert "Save these filters" in text_of(browser.get(f"{QUEUE}?age=fresh"))
    saved = browser.post(SAVE, {"name": " Today’s ", "query": "age=fresh&kind=contact-details"}, follow=True)
    assert saved.redirect_chain[-1][0] == f"{QUEUE}?age=fresh&kind=contact-details"
    assert "The filters are saved as “Today’s”." in text_of(saved)
    assert "Save these filters" not in text_of(saved)
    found = links(browser, "?kind=contact-details&age=fresh")
    assert list(found) == [*OF_EVERYBODY, "Today’s"]
    assert (found["Today’s"].query_string, found["Today’s"].is_present) == ("?age=fresh&kind=contact-details", True)
    deleted = browser.post(delete_page(SavedFilter.objects.get()), {"query": "age=fresh"}, follow=True)
    assert deleted.redirect_chain[-1][0] == f"{QUEUE}?age=fresh"
    assert list(links(browser)) == OF_EVERYBODY


def test_others_neither_see_nor_delete_what_a_member_has_saved(
    bea: Member, rita: Member, admin_of: Callable[..., Client]
) -> None:
    admin_of(bea).post(SAVE, {"name": "Old", "query": "age=7"})
    assert "Old" not in links(admin_of(rita))
    assert admin_of(rita).post(delete_page(SavedFilter.objects.get()), {}).status_code == 404
    admin_of(rita).post(SAVE, {"name": "Old", "query": "age=30"})
    assert links(admin_of(bea))["Old"].query_string == "?age=7"


def test_search_terms_and_unknown_parameters_are_not_saved(bea: Member, admin_of: Callable[..., Client]) -> None:
    sent = "q=Spyri&p=2&_popup=1&age=7&next=//evil.example&created_at__year=2026&o=5"
    answer = admin_of(bea).post(SAVE, {"name": "Old", "query": sent})
    assert SavedFilter.objects.get().query == "age=7&o=5"
    assert answer["Location"] == f"{QUEUE}?age=7&o=5"


def test_the_same_name_replaces_and_there_is_a_limit(bea: Member, admin_of: Callable[..., Client]) -> None:
    browser = admin_of(bea)
    for age in ("7", "30"):
        browser.post(SAVE, {"name": "Old", "query": f"age={age}"})
    assert SavedFilter.objects.get().query == "age=30"
    SavedFilter.objects.bulk_create(
        SavedFilter(member=bea, name=f"Filter {number}", query="age=1") for number in range(1, MOST_SAVED)
    )
    refused = browser.post(SAVE, {"name": "One more", "query": "age=7"}, follow=True)
    assert "You have saved 20 filters. Delete one first." in text_of(refused)
    browser.post(SAVE, {"name": "Old", "query": "age=1"})
    assert (SavedFilter.objects.count(), SavedFilter.objects.get(name="Old").query) == (MOST_SAVED, "age=1")


@pytest.mark.parametrize(
    ("name", "query"),
    [("", "age=7"), ("\u200b", "age=7"), ("x" * 61, "age=7"), ("Old", ""), ("Old", "field=" + "x" * 2000)],
)
def test_filters_without_a_name_or_without_filters_are_refused(
    bea: Member, admin_of: Callable[..., Client], name: str, query: str
) -> None:
    admin_of(bea).post(SAVE, {"name": name, "query": query})
    assert not SavedFilter.objects.exists()


def test_a_name_is_text_and_no_markup(bea: Member, admin_of: Callable[..., Client]) -> None:
    admin_of(bea).post(SAVE, {"name": "<b>Old</b>", "query": "age=7"})
    assert "<b>Old</b>" not in admin_of(bea).get(QUEUE).content.decode()
