"""The queue: its columns, filters and query budget."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actor import system_actor
from accounts.admin_actor import CappedPaginator
from accounts.models import Member, Participant
from benchmarks.change_requests import RENAMING, insert_requests
from changerequests.models import ChangeRequest, Status
from contacts.models import Contact, ContactParticipant
from contacts.services.changes import patch_details
from contacts.services.connections import add_external_connection
from core.documents import paths_with_ancestors
from schemas.models import ListItem
from tests.changerequests.reviewing import QUEUE, page_of, text_of
from tests.fixtures import without_triggers
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
    add_external_connection(actor=system_actor("tests"), contact_id=contact.pk, system="Core", external_id="CIF-4711")
    assert found(f"q={contact.username}") == 1
    assert found("q=CIF-4711") == 1
    assert found("q=CIF-47") == 0


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


# One contact in two hundred is assigned to `few`, the others to other members. Every contact has a decided request,
# and a fraction of them a pending one.
FILL = """
WITH logins AS (
    INSERT INTO accounts_user
        (username, password, first_name, last_name, email, is_staff, is_active, is_superuser, date_joined)
    SELECT 'scale-' || number, '', '', '', '', true, true, false, now() FROM generate_series(1, 199) number
    RETURNING id
), members AS (
    INSERT INTO accounts_member (uid, user_id, sees_all_contacts) SELECT gen_random_uuid(), id, false FROM logins
    RETURNING id
), ranked AS (
    SELECT id, row_number() OVER () AS number FROM members UNION ALL SELECT %(few)s, 0
), people AS (
    INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)
    SELECT gen_random_uuid(), %(type)s, 'scale-' || number, '{}', 1, now() FROM generate_series(1, %(rows)s) number
    RETURNING id
), assigned AS (
    INSERT INTO contacts_contactassignment (contact_id, member_id)
    SELECT people.id, ranked.id FROM people JOIN ranked ON ranked.number = people.id %% 200
)
SELECT FROM people
"""
REQUESTS = """
SELECT contact.id AS subject_id, status, now() - make_interval(mins => contact.id) AS created_at,
       %(initiator)s AS initiator_id, CASE status WHEN 3 THEN now() END AS reviewed_at,
       CASE status WHEN 3 THEN %(reviewer)s END AS reviewer_id, %(paths)s AS paths, %(changes)s AS changes
  FROM contacts_contact contact CROSS JOIN unnest(ARRAY[1, 3]) status
 WHERE starts_with(contact.username, 'scale-') AND (status = 3 OR contact.id %% %(every)s = 0)
"""
MANY = 20_000


@pytest.fixture
def ben(make_member: Callable[..., Member]) -> Member:
    """A reviewer who sees one contact in two hundred."""
    return make_member("ben", reviews=True)


@pytest.fixture
def fill(anna: Member, ben: Member, rita: Member, contact_type: ListItem) -> Callable[..., None]:
    def insert(*, every: int = 1) -> None:
        """Create MANY decided requests and a pending one for every so many of them, and update the statistics."""
        people = {"initiator": anna.pk, "few": ben.pk, "reviewer": rita.pk}
        with without_triggers(), connection.cursor() as cursor:
            cursor.execute(FILL, {**people, "type": contact_type.pk, "rows": MANY})
            insert_requests(REQUESTS, {**people, **RENAMING, "every": every})
            cursor.execute("ANALYZE")

    return insert


def scans(statement: str) -> list[tuple[str, str, int]]:
    """Return how a statement scans the requests when run: node type, index and number of rows."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        nodes = [cursor.fetchone()[0][0]["Plan"]]
    found = []
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name") == "changerequests_changerequest" or "request_by" in node.get("Index Name", ""):
            rows = int(node["Actual Rows"] * node["Actual Loops"])
            found.append((node["Node Type"], node.get("Index Name", ""), rows))
    return found


@pytest.fixture
def scanned(
    admin_of: Callable[..., Client], count_queries: Callable[[], Any]
) -> Callable[[Member, str], tuple[int, list[tuple[str, str, int]]]]:
    def open_queue(member: Member, query: str) -> tuple[int, list[tuple[str, str, int]]]:
        """Return the count that the queue shows and how it scanned the requests."""
        with count_queries() as queries:
            queue = admin_of(member).get(f"{QUEUE}{query}")
        statements = [captured["sql"] for captured in queries.captured_queries]
        read = [statement for statement in statements if "changerequests_changerequest" in statement]
        assert len(read) >= 2
        return queue.context["cl"].result_count, [scan for statement in read for scan in scans(statement)]

    return open_queue


@pytest.mark.scale
def test_opening_the_queue_enters_an_index_and_counts_no_further_than_the_lists_do(
    rita: Member, anna: Member, fill: Callable[..., None], scanned: Callable[..., Any]
) -> None:
    fill()
    for query in ("", "?status=all", "?status=3", "?age=1", f"?initiator_member__id__exact={anna.pk}"):
        count, read = scanned(rita, query)
        assert count == CappedPaginator.most, query
        assert not [kind for kind, _index, _rows in read if kind == "Seq Scan"], (query, read)
        assert max(rows for _kind, _index, rows in read) <= CappedPaginator.most, (query, read)


@pytest.mark.scale
def test_a_field_that_few_requests_change_is_found_by_its_index(
    rita: Member, fill: Callable[..., None], scanned: Callable[..., Any], asked: ChangeRequest
) -> None:
    with without_triggers():
        ChangeRequest.objects.filter(pk=asked.pk).update(paths=paths_with_ancestors(["regulatory.riskProfile"]))
    fill()
    count, read = scanned(rita, "?field=regulatory.riskProfile")
    assert count == 1
    assert "request_by_path" in {index for _kind, index, _rows in read}
    assert not [kind for kind, _index, _rows in read if kind == "Seq Scan"], read


@pytest.mark.scale
def test_who_sees_few_contacts_opens_the_queue_by_an_index_too(
    ben: Member, fill: Callable[..., None], scanned: Callable[..., Any]
) -> None:
    fill(every=20)
    count, read = scanned(ben, "")
    assert count == MANY // 200
    assert not [kind for kind, _index, _rows in read if kind == "Seq Scan"], read
    assert max(rows for _kind, _index, rows in read) <= MANY // 20, read


@pytest.mark.scale
def test_the_queue_stays_within_its_queries_at_many_rows(
    admin_of: Callable[..., Client], rita: Member, fill: Callable[..., None], count_queries: Callable[[], Any]
) -> None:
    fill()
    browser = admin_of(rita)
    browser.get(QUEUE)  # fills the caches of the schema and its lists
    counts = []
    for query in ("", "?status=all&age=1", "?q=scale-77", "?p=20&o=1"):
        with count_queries() as queries:
            assert browser.get(f"{QUEUE}{query}").status_code == 200
        counts.append(len(queries))
    assert max(counts) <= 12, counts


@pytest.mark.scale
def test_walking_on_from_deep_in_the_queue_enters_the_index_there(
    admin_of: Callable[..., Client], rita: Member, fill: Callable[..., None], count_queries: Callable[[], Any]
) -> None:
    fill()
    middle = ChangeRequest.objects.filter(status=Status.PENDING).order_by("created_at", "id")[MANY // 2]
    with count_queries() as queries:
        admin_of(rita).get(page_of(middle))
    [walked] = [captured["sql"] for captured in queries.captured_queries if "UNION" in captured["sql"]]
    assert [(index, rows) for _kind, index, rows in scans(walked)] == [("request_by_status", 1)] * 2
