"""The number of SQL statements per request is the same for 10 rows and for 10,000."""

import json

import pytest
from django.db import connection
from django.utils import timezone

from benchmarks.change_requests import insert_requests
from tests.fixtures import details, without_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.scale]
MANY = 10_000


@pytest.fixture
def head(make_member):
    return make_member("head")


@pytest.fixture
def anna(make_member, head):
    return make_member("anna", manager=head)


FILL = """
WITH people AS (
    INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)
    SELECT gen_random_uuid(), %(type)s, %(prefix)s || number, %(details)s, 1, now()
    FROM generate_series(1, %(rows)s) number
    RETURNING id
), assigned AS (
    INSERT INTO contacts_contactassignment (contact_id, member_id) SELECT id, %(anna)s FROM people
), history AS (
    INSERT INTO audit_entry
        (kind, subject_id, sequence, initiator_member_id, initiator_system, changes, paths)
    SELECT 'contact-details', %(contact)s, version + number, %(anna)s, '', '[]', '{relationship}'
    FROM contacts_contact, generate_series(1, %(rows)s) number WHERE id = %(contact)s
)
UPDATE contacts_contact SET version = version + %(rows)s WHERE id = %(contact)s
"""
REQUESTS = """
SELECT id AS subject_id, 3 AS status, now() AS created_at, %(anna)s AS initiator_id, now() AS reviewed_at,
       %(reviewer)s AS reviewer_id, ARRAY['relationship'] AS paths, '[]' AS changes
  FROM contacts_contact WHERE starts_with(username, %(prefix)s)
"""


def fill(contact, anna, reviewer, *, rows):
    """Create more contacts of anna in bulk, and a history and requests for one contact."""
    people = {"contact": contact.pk, "anna": anna.pk, "reviewer": reviewer.pk, "type": contact.type_id}
    numbers = {"rows": rows, "prefix": f"bulk-{rows}-", "details": json.dumps(details())}
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(FILL, {**people, **numbers})
        insert_requests(REQUESTS, {**people, **numbers})


def test_budgets_hold_at_ten_rows_and_at_ten_thousand(make_contact, head, anna, make_member, api_of, count_queries):
    contact = make_contact(members=[anna])
    reviewer, api = make_member(), api_of(head)
    details_path = f"/v1.0/contacts/{contact.pk}/details"
    history_path = f"/v1.1/contacts/{contact.pk}/details/change-history/search"
    budgets = [
        (3, lambda: api.get(details_path)),
        (10, lambda: api.patch(details_path, {"details": {"relationship": {"notes": f"{timezone.now()}"}}})),
        (5, lambda: api.post("/v1.0/contacts/change-requests/search", {"pageSize": 200})),
        (5, lambda: api.post("/v1.0/contacts/change-requests/search", {"paths": ["relationship"], "pageSize": 5})),
        (5, lambda: api.post(history_path, {"pageSize": 200})),
        (5, lambda: api.post("/v1.0/lists/state/search", {"filter": "z"})),
        (5, lambda: api.post("/v1.0/lists/search", {"listKeys": ["country", "language"]})),
    ]
    counted = []
    for rows in (10, MANY):
        fill(contact, anna, reviewer, rows=rows)
        counts = []
        for budget, call in budgets:
            call()  # fills the caches of schemas and lists
            with count_queries() as queries:
                assert call().status == 200
            assert len(queries) <= budget
            counts.append(len(queries))
        counted.append(counts)
    assert counted[0] == counted[1]
