"""Lists and searches over many rows use indexes, both for those who see all rows and for those who see few."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.admin_actor import CappedPaginator
from accounts.models import Member, User
from benchmarks.change_requests import TABLES as REQUEST_TABLES
from benchmarks.change_requests import insert_requests
from changerequests.models import ChangeRequest, Status
from contacts.models import ContactAssignment
from schemas.models import ListItem
from tests.databases import FILLED, Kept
from tests.fixtures import without_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_schemas"), pytest.mark.scale]

# So many that reading a table costs more than entering an index for each of the few.
MANY, FEW = 50_000, 100
# ANALYZE reads so many rows for each unit of its statistics target.
ROWS_PER_TARGET = 300
CONTACTS = "/admin/contacts/contact/"
GROUPS = "/admin/contactgroups/contactgroup/"
LEGAL_ENTITIES = "/admin/legalentities/legalentity/"
SEARCH = "/v1.0/contacts/change-requests/search"
TABLES = [
    "contacts_contact",
    "contacts_contactassignment",
    "contacts_searchkeys",
    "contacts_searchword",
    "contactgroups_contactgroup",
    "contactgroups_groupmembership",
    "contactgroups_linkedentity",
    "legalentities_legalentity",
    *REQUEST_TABLES,
]
# Each contact with a group, a legal entity and a rejected request; a FEW are Ben's, the others are Lea's.
FILL = """
WITH people AS (
    INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)
    SELECT gen_random_uuid(), %(type)s, 'scale-' || number, '{}', 1, now() FROM generate_series(1, %(rows)s) number
    RETURNING id, substr(username, 7)::integer AS number
), assigned AS (
    INSERT INTO contacts_contactassignment (contact_id, member_id)
    SELECT id, CASE WHEN number %% (%(rows)s / %(few)s) = 0 THEN %(ben)s ELSE %(lea)s END FROM people
), groups AS (
    INSERT INTO contactgroups_contactgroup (id, name, created_at) SELECT id, 'Group ' || number, now() FROM people
), memberships AS (
    INSERT INTO contactgroups_groupmembership (group_id, contact_id, access_policy_id)
    SELECT id, id, %(policy)s FROM people
), firms AS (
    INSERT INTO legalentities_legalentity (id, uid, details, version, created_at)
    SELECT id, gen_random_uuid(), jsonb_build_object('name', 'Firm ' || number), 1, now() FROM people
), links AS (
    INSERT INTO contactgroups_linkedentity (group_id, entity_type, entity_id) SELECT id, 'LegalEntity', id FROM people
)
SELECT FROM people
"""
REQUESTS = """
SELECT id AS subject_id, %(rejected)s AS status,
       now() - make_interval(mins => substr(username, 7)::integer) AS created_at, %(lea)s AS initiator_id,
       now() AS reviewed_at, %(rita)s AS reviewer_id, ARRAY[]::text[] AS paths, '[]' AS changes
  FROM contacts_contact
"""
TIDY = """
SELECT gin_clean_pending_list(index.oid)
  FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_am ON pg_am.oid = relam
 WHERE amname = 'gin' AND indrelid::regclass::text = ANY(%s)
"""


def member(username: str, *, manager: Member | None = None, sees_all_contacts: bool = False) -> Member:
    user = User.objects.create_user(username, is_staff=True, is_superuser=True)
    return Member.objects.create(user=user, manager=manager, sees_all_contacts=sees_all_contacts)


def build_house() -> None:
    """MANY of everything, most of which belongs to Lea, above whom the head stands."""
    lea = member("lea", manager=member("head"))
    people = {"ben": member("ben").pk, "lea": lea.pk, "rita": member("rita", sees_all_contacts=True).pk}
    kinds = {
        "type": ListItem.objects.get(list__key="contact-type", key="client").pk,
        "policy": ListItem.objects.get(list__key="access-policy", key="owner").pk,
    }
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(FILL, {**people, **kinds, "rows": MANY, "few": FEW})
        cursor.execute("SELECT kontor_keep_search_keys(ARRAY(SELECT id FROM contacts_contact), true)")
        insert_requests(REQUESTS, {**people, "rejected": Status.REJECTED})
        # What autovacuum would come to do. New rows wait in a list of a trigram index, and a long one makes it dear.
        cursor.execute(TIDY, [TABLES])
        # Of a sample, the one or the other estimate is so wrong in one run of fifty that the plan changes.
        cursor.execute("SET default_statistics_target = %s", [-(-MANY // ROWS_PER_TARGET)])
        cursor.execute(f"ANALYZE {', '.join(TABLES)}")


HOUSE = Kept("house", build_house, lambda: iter([Path(__file__)]), origin=FILLED)


@pytest.fixture(scope="module", autouse=True)
def house(copy_of):
    with copy_of(HOUSE):
        yield


@pytest.fixture
def rita(db) -> Member:
    return Member.objects.get(user__username="rita")


@pytest.fixture
def ben(db) -> Member:
    return Member.objects.get(user__username="ben")


@pytest.fixture
def head(db) -> Member:
    return Member.objects.get(user__username="head")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


@pytest.fixture
def scans(count_queries):
    """Return how statements scan a table when run: node type, index and number of rows."""

    def of(table: str, ask: Any) -> list[tuple[str, str, int]]:
        ask()  # fills the caches of schemas and lists
        with count_queries() as queries:
            ask()
        read = []
        for captured in queries.captured_queries:
            if f'FROM "{table}"' not in captured["sql"]:
                continue
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {captured['sql']}")
                (found,) = cursor.fetchone()
            plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
            read += [
                (node["Node Type"], node.get("Index Name", ""), int(node["Actual Rows"] * node["Actual Loops"]))
                for node in nodes(plan)
                if node.get("Relation Name") == table
            ]
        assert read
        return read

    return of


@pytest.mark.parametrize(
    ("address", "table"),
    [
        (f"{CONTACTS}?q=scale-1999", "contacts_contact"),
        (f"{GROUPS}?q=Group+1999", "contactgroups_contactgroup"),
        (f"{GROUPS}?q=scale-1999", "contactgroups_contactgroup"),
        (f"{LEGAL_ENTITIES}?q=Firm+1999", "legalentities_legalentity"),
    ],
)
def test_what_is_searched_for_is_found_by_an_index(rita, ben, admin_of, scans, address, table):
    for member in (rita, ben):
        browser = admin_of(member)
        read = scans(table, lambda browser=browser: browser.get(address))
        assert not [kind for kind, _index, _rows in read if kind == "Seq Scan"], (member, read)


@pytest.mark.parametrize(
    ("order", "index"), [("0", "contact_by_folded_name"), ("2", "contact_username_unique_ignoring_case")]
)
def test_contacts_are_sorted_along_an_index(rita, admin_of, scans, monkeypatch, order, index):
    # A hundredth of a million, not half of these: of that many PostgreSQL sorts all.
    monkeypatch.setattr(CappedPaginator, "most", MANY // 100)
    browser = admin_of(rita)
    for direction in ("", "-"):
        read = scans("contacts_contact", lambda direction=direction: browser.get(f"{CONTACTS}?o={direction}{order}"))
        assert index in {used for _kind, used, _rows in read}, read
        assert not [kind for kind, _index, _rows in read if kind == "Seq Scan"], read


def test_who_sees_few_contacts_reads_their_requests_alone(ben, api_of, scans):
    api = api_of(ben)
    assert api.post(SEARCH, {"pageSize": 50}).json["totalCount"] == FEW
    read = scans("changerequests_changerequest", lambda: api.post(SEARCH, {"pageSize": 50}))
    assert max(rows for _kind, _index, rows in read) <= FEW, read


def test_a_page_for_who_sees_nearly_all_is_met_along_the_order(head, api_of, scans):
    api = api_of(head)
    answer = api.post(SEARCH, {"pageSize": 50}).json
    assert (answer["totalCount"], len(answer["results"])) == (MANY - FEW, 50)
    read = scans("changerequests_changerequest", lambda: api.post(SEARCH, {"pageSize": 50}))
    assert "request_latest_first" in {index for _kind, index, _rows in read}, read


def test_pages_hold_the_same_rows_whether_few_or_many_are_found(ben, api_of):
    ours = ContactAssignment.objects.filter(member=ben).values("contact")
    expected = list(
        ChangeRequest.objects.filter(subject_id__in=ours).order_by("-created_at", "-id").values_list("pk", flat=True)
    )
    api = api_of(ben)
    pages = [api.post(SEARCH, {"pageSize": 30, "page": number}).json["results"] for number in (1, 2, 3, 4, 5)]
    assert [row["id"] for page in pages for row in page] == expected
