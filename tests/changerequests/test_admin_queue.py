"""The queue: its columns, filters and query budget."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from accounts.actor import system_actor
from accounts.models import Member, Participant
from changerequests.models import ChangeRequest, Status
from contacts.models import Contact, ContactParticipant
from contacts.services.changes import patch_details
from contacts.services.connections import add_external_connection
from tests.changerequests.reviewing import QUEUE, page_of, text_of
from tests.requests import make_requests

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_the_queue_shows_what_is_pending_with_labels_and_marks_what_is_ones_own(
    admin_of: Callable[..., Client], anna: Member, contact: Contact, asked: ChangeRequest
) -> None:
    shown = text_of(admin_of(anna).get(QUEUE))
    assert f"Johanna Spyri #{contact.pk}" in shown
    assert "Last name" in shown
    assert "lastName" not in shown
    assert "Anna Tester You" in shown


def test_the_queue_is_filtered_by_status_initiator_and_search(
    admin_of: Callable[..., Client], anna: Member, rita: Member, contact: Contact, asked: ChangeRequest
) -> None:
    browser = admin_of(rita)

    def found(query: str) -> int:
        count: int = browser.get(f"{QUEUE}?{query}").context["cl"].result_count
        return count

    assert found("") == 1
    assert found(f"status={Status.APPROVED.value}") == 0
    assert found("status=all") == 1
    assert found(f"initiator_member__id__exact={anna.pk}") == 1
    assert found(f"initiator_member__id__exact={rita.pk}") == 0
    assert found("q=spyri+johanna") == 1
    assert found(f"q={contact.pk}") == 1
    assert found(f"q={contact.uid}") == 1
    assert found("q=nobody") == 0
    assert found("q=99999999999999999999") == 0


def test_filtering_by_initiator_keeps_the_status_that_was_chosen(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest
) -> None:
    queue = admin_of(rita).get(f"{QUEUE}?status={Status.APPROVED.value}").content.decode()
    assert f'<input type="hidden" name="status" value="{Status.APPROVED.value}">' in queue


def test_the_queue_leaves_out_what_the_member_does_not_see(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest
) -> None:
    elsewhere = make_member("elsewhere", is_superuser=True)
    queue = admin_of(elsewhere).get(f"{QUEUE}?status=all")
    assert queue.context["cl"].result_count == 0
    assert "Spyri" not in text_of(queue)


# ---- what is shown of a request


def test_a_request_whose_contact_has_changed_since_is_told_from_the_others(
    admin_of: Callable[..., Client],
    anna: Member,
    rita: Member,
    make_contact: Callable[..., Contact],
    ask: Callable[..., ChangeRequest],
) -> None:
    overtaken, fresh = ask(make_contact(members=[anna])), ask(make_contact(members=[anna]))
    patch = {"personalInformation": {"lastName": "Keller"}}
    patch_details(actor=system_actor("tests"), contact_id=overtaken.subject_id, patch=patch)
    states = {row.pk: row.is_outdated for row in admin_of(rita).get(QUEUE).context["cl"].result_list}
    assert states == {overtaken.pk: True, fresh.pk: False}
    assert text_of(admin_of(rita).get(QUEUE)).count("Outdated") == 1


def test_what_is_decided_is_not_called_outdated(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest
) -> None:
    browser = admin_of(rita)
    browser.post(page_of(asked), {"decision": "approve"})
    decided = browser.get(f"{QUEUE}?status={Status.APPROVED.value}")
    assert decided.context["cl"].result_count == 1
    assert "Outdated" not in text_of(decided)


def test_the_statuses_are_tabs_that_keep_what_is_searched_for(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest
) -> None:
    tabs = admin_of(rita).get(f"{QUEUE}?q=spyri&p=1").context["cl"].status_tabs
    assert [(tab["display"], tab["selected"]) for tab in tabs] == [
        ("Pending", True),
        ("Returned", False),
        ("Approved", False),
        ("Rejected", False),
        ("Cancelled", False),
        ("All", False),
    ]
    assert tabs[2]["query_string"] == f"?q=spyri&status={Status.APPROVED.value}"


# ---- filters and search


@pytest.fixture
def found(admin_of: Callable[..., Client], rita: Member) -> Callable[[str], int]:
    """Return the number of requests in rita's queue for a query string."""

    def count(query: str) -> int:
        response = admin_of(rita).get(f"{QUEUE}?{query}")
        assert response.status_code == 200
        shown: int = response.context["cl"].result_count
        return shown

    return count


def test_the_queue_is_filtered_by_age(asked: ChangeRequest, found: Callable[[str], int]) -> None:
    assert (found("age=fresh"), found("age=1")) == (1, 0)
    ChangeRequest.objects.update(created_at=timezone.now() - timedelta(days=5))
    assert [found(f"age={age}") for age in ("fresh", "1", "3", "7", "30", "")] == [0, 1, 1, 0, 0, 1]


def test_the_figures_of_the_dashboard_lead_to_requests_of_a_time(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, found: Callable[[str], int]
) -> None:
    now, tomorrow = (quote((timezone.now() + timedelta(days=days)).isoformat()) for days in (0, 1))
    assert (found(f"created_at__lt={tomorrow}"), found(f"created_at__gte={tomorrow}")) == (1, 0)
    narrowed = admin_of(rita).get(f"{QUEUE}?created_at__gte={now}&q=spyri").context["cl"]
    assert narrowed.unbounded_address == "?q=spyri"
    admin_of(rita).post(page_of(asked), {"decision": "approve"})
    assert (found(f"status=2&reviewed_at__gte={now}"), found(f"status=2&reviewed_at__gte={tomorrow}")) == (1, 0)
    for guess in ("review_comment__startswith=S", "subjects__subject_id__gt=S", "created_at__year=2026"):
        assert admin_of(rita).get(f"{QUEUE}?{guess}").status_code in {302, 400}


def test_the_queue_is_filtered_by_participant(
    asked: ChangeRequest, contact: Contact, make_participant: Callable[..., Participant], found: Callable[[str], int]
) -> None:
    mine, other = make_participant(), make_participant()
    ContactParticipant.objects.create(contact=contact, participant=mine)
    assert found(f"participant={mine.pk}") == 1
    assert found(f"participant={other.pk}") == 0
    assert found("participant=") == 1


def test_the_queue_is_filtered_by_field(asked: ChangeRequest, found: Callable[[str], int]) -> None:
    assert found("field=personalInformation.lastName") == 1
    assert found("field=personalInformation.firstName") == 0


def test_fields_are_offered_by_their_labels_in_the_language_of_the_reader(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest
) -> None:
    page = admin_of(rita).get(QUEUE, headers={"accept-language": "de"}).content.decode()
    assert "Personalien › Nachname" in page


def test_a_contact_is_found_as_it_is_in_the_list_of_contacts(
    asked: ChangeRequest, contact: Contact, found: Callable[[str], int]
) -> None:
    add_external_connection(actor=system_actor("tests"), contact_id=contact.pk, system="CRM", external_id="CIF-4711")
    assert found(f"q={contact.username}") == 1
    assert found("q=CIF-4711") == 1
    assert found("q=CIF-47") == 1


def test_members_are_offered_as_initiators_to_those_who_may_look_at_members(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], rita: Member, asked: ChangeRequest
) -> None:
    autocomplete = "unfold-filter-autocomplete"
    assert autocomplete not in admin_of(rita).get(QUEUE).content.decode()
    personnel = make_member(reviews=True, permissions=["view_member"], sees_all_contacts=True)
    assert autocomplete in admin_of(personnel).get(QUEUE).content.decode()


# ---- what it costs


@pytest.mark.parametrize("rows", [10, 200])
def test_the_queue_takes_as_many_queries_for_many_rows_as_for_few(
    admin_of: Callable[..., Client],
    anna: Member,
    rita: Member,
    contact: Contact,
    asked: ChangeRequest,
    rows: int,
    count_queries: Callable[[], Any],
) -> None:
    make_requests(contact.pk, anna, number=rows, status=Status.CANCELLED)
    browser = admin_of(rita)
    browser.get(QUEUE)
    with count_queries() as queries:
        queue = browser.get(f"{QUEUE}?status=all&initiator_member__id__exact={anna.pk}")
    assert queue.context["cl"].result_count == rows + 1
    assert len(queries) <= 12, [query["sql"][:120] for query in queries.captured_queries]
    # One query of the details of the page's contacts, to find out which pending requests are outdated.
    assert sum('"details"' in query["sql"] for query in queries.captured_queries) == 1
    with count_queries() as queries:
        browser.get(page_of(asked))
    # Two of them for the comments and files, one for the claim, two for the bell and what was read.
    assert len(queries) <= 24, [query["sql"][:120] for query in queries.captured_queries]
