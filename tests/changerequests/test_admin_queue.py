"""The queue: what it shows of a request, how it is narrowed, and what it costs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Member
from changerequests.models import ChangeRequest, Status
from contacts.details import paths_with_ancestors
from contacts.models import Contact
from tests.changerequests.reviewing import QUEUE, page_of, text_of

pytestmark = pytest.mark.django_db


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
    assert found("status=nonsense") == 1
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
    template = {"contact_id": contact.pk, "initiator_member": anna, "changes": asked.changes}
    moment = timezone.now()
    ChangeRequest.objects.bulk_create(
        ChangeRequest(
            **template,
            paths=paths_with_ancestors(["personalInformation.lastName"]),
            status=Status.CANCELLED,
            created_at=moment - timedelta(minutes=number),
        )
        for number in range(rows)
    )
    browser = admin_of(rita)
    browser.get(QUEUE)
    with count_queries() as queries:
        queue = browser.get(f"{QUEUE}?status=all&initiator_member__id__exact={anna.pk}")
    assert queue.context["cl"].result_count == rows + 1
    assert len(queries) <= 12, [query["sql"][:120] for query in queries.captured_queries]
    # Once, for those of the page that wait: whether they are outdated stands in their contacts' details.
    assert sum('"details"' in query["sql"] for query in queries.captured_queries) == 1
    with count_queries() as queries:
        browser.get(page_of(asked))
    assert len(queries) <= 14, [query["sql"][:120] for query in queries.captured_queries]
