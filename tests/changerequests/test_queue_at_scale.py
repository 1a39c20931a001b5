"""With many requests, the queue opens, filters, counts and walks along its indexes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client

from accounts.admin_actor import CappedPaginator
from accounts.models import Member, User
from benchmarks.change_requests import RENAMING, insert_requests
from changerequests.models import ChangeRequest, Status
from core.documents import paths_with_ancestors
from schemas.models import ListItem
from tests.changerequests.reviewing import QUEUE, page_of
from tests.databases import FILLED, Kept
from tests.fixtures import without_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_schemas"), pytest.mark.scale]

# One contact in two hundred is assigned to `few`, the others to other members.
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
"""
# Leaves the pending request of one contact in so many.
DECIDE_MOST = """
WITH decided AS (
    UPDATE changerequests_changerequest
       SET status = 3, reviewed_at = now(),
           review_member_id = (SELECT review_member_id FROM changerequests_changerequest WHERE status = 3 LIMIT 1)
     WHERE status = 1 AND subject_id %% %(every)s > 0
    RETURNING id
)
UPDATE changerequests_requestsubject SET is_open = false FROM decided WHERE request_id = decided.id
"""
MANY = 20_000


def member(username: str, *permissions: str, sees_all_contacts: bool = False) -> Member:
    user = User.objects.create_user(username, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return Member.objects.create(user=user, sees_all_contacts=sees_all_contacts)


def build_queue() -> None:
    """MANY contacts, each with a decided and a pending request of anna."""
    people = {
        "initiator": member("anna", "view_contact", "view_changerequest", "change_contact_details").pk,
        # A reviewer who sees one contact in two hundred.
        "few": member("ben", "review_changerequest").pk,
        "reviewer": member("rita", "view_contact", "review_changerequest", sees_all_contacts=True).pk,
    }
    type_id = ListItem.objects.get(list__key="contact-type", key="client").pk
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(FILL, {**people, "type": type_id, "rows": MANY})
        insert_requests(REQUESTS, {**people, **RENAMING})
    analyze()


def analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


MANY_REQUESTS = Kept("queue", build_queue, lambda: iter([Path(__file__)]), origin=FILLED)


@pytest.fixture(scope="module", autouse=True)
def many_requests(copy_of: Any) -> Iterator[None]:
    with copy_of(MANY_REQUESTS):
        yield


@pytest.fixture
def anna(db: None) -> Member:
    return Member.objects.get(user__username="anna")


@pytest.fixture
def ben(db: None) -> Member:
    return Member.objects.get(user__username="ben")


@pytest.fixture
def rita(db: None) -> Member:
    return Member.objects.get(user__username="rita")


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


def test_opening_the_queue_enters_an_index_and_counts_no_further_than_the_lists_do(
    rita: Member, anna: Member, scanned: Callable[..., Any]
) -> None:
    for query in ("", "?status=all", "?status=3", "?age=1", f"?initiator_member__id__exact={anna.pk}"):
        count, read = scanned(rita, query)
        assert count == CappedPaginator.most, query
        assert not [kind for kind, _index, _rows in read if kind == "Seq Scan"], (query, read)
        assert max(rows for _kind, _index, rows in read) <= CappedPaginator.most, (query, read)


def test_a_field_that_few_requests_change_is_found_by_its_index(
    rita: Member, scanned: Callable[..., Any], asked: ChangeRequest
) -> None:
    with without_triggers():
        ChangeRequest.objects.filter(pk=asked.pk).update(paths=paths_with_ancestors(["regulatory.riskProfile"]))
    analyze()
    count, read = scanned(rita, "?field=regulatory.riskProfile")
    assert count == 1
    assert "request_by_path" in {index for _kind, index, _rows in read}
    assert not [kind for kind, _index, _rows in read if kind == "Seq Scan"], read


def test_who_sees_few_contacts_opens_the_queue_by_an_index_too(ben: Member, scanned: Callable[..., Any]) -> None:
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(DECIDE_MOST, {"every": 20})
    analyze()
    count, read = scanned(ben, "")
    assert count == MANY // 200
    assert not [kind for kind, _index, _rows in read if kind == "Seq Scan"], read
    assert max(rows for _kind, _index, rows in read) <= MANY // 20, read


def test_the_queue_stays_within_its_queries_at_many_rows(
    admin_of: Callable[..., Client], rita: Member, count_queries: Callable[[], Any]
) -> None:
    browser = admin_of(rita)
    browser.get(QUEUE)  # fills the caches of the schema and its lists
    counts = []
    for query in ("", "?status=all&age=1", "?q=scale-77", "?p=20&o=1"):
        with count_queries() as queries:
            assert browser.get(f"{QUEUE}{query}").status_code == 200
        counts.append(len(queries))
    assert max(counts) <= 12, counts


def test_walking_on_from_deep_in_the_queue_enters_the_index_there(
    admin_of: Callable[..., Client], rita: Member, count_queries: Callable[[], Any]
) -> None:
    middle = ChangeRequest.objects.filter(status=Status.PENDING).order_by("created_at", "id")[MANY // 2]
    with count_queries() as queries:
        admin_of(rita).get(page_of(middle))
    [walked] = [captured["sql"] for captured in queries.captured_queries if "UNION" in captured["sql"]]
    assert [(index, rows) for _kind, index, rows in scans(walked)] == [("request_by_status", 1)] * 2
