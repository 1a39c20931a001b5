"""Design section 10: SQL per request is the same at 10 rows and at 10,000."""

import pytest
from django.utils import timezone

from changerequests.models import ChangeRequest, Status
from contacts.models import ChangeSet, Contact, ContactAssignment
from tests.fixtures import details, without_triggers

pytestmark = pytest.mark.django_db
MANY = 10_000


@pytest.fixture
def head(make_member):
    return make_member("head")


@pytest.fixture
def anna(make_member, head):
    return make_member("anna", manager=head)


def fill(contact, anna, reviewer, *, rows):
    """More contacts of anna's, and for one contact a history and requests, in bulk."""
    contacts = Contact.objects.bulk_create(
        Contact(type=contact.type, username=f"bulk-{rows}-{number}", details=details()) for number in range(rows)
    )
    ContactAssignment.objects.bulk_create(ContactAssignment(contact=other, member=anna) for other in contacts)
    first = contact.change_sets.latest("version").version + 1
    history = [
        ChangeSet(contact=contact, version=first + number, initiator_member=anna, changes=[], paths=["relationship"])
        for number in range(rows)
    ]
    with without_triggers():
        ChangeSet.objects.bulk_create(history)
        Contact.objects.filter(pk=contact.pk).update(version=history[-1].version)
    with without_triggers():
        ChangeRequest.objects.bulk_create(
            ChangeRequest(
                contact=other,
                initiator_member=anna,
                status=Status.REJECTED,
                review_member=reviewer,
                reviewed_at=timezone.now(),
                changes=[],
                paths=["relationship"],
            )
            for other in contacts
        )


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
            call()  # a process reads schemas and lists once
            with count_queries() as queries:
                assert call().status == 200
            assert len(queries) <= budget
            counts.append(len(queries))
        counted.append(counts)
    assert counted[0] == counted[1]
