"""A reviewer who presses keys faster than pages come works through a whole queue."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

from accounts.actor import member_actor
from accounts.models import Member
from changerequests.models import ChangeRequest, Status
from contacts.models import Contact
from contacts.services.changes import patch_details
from tests.fixtures import details

QUEUE = "/admin/changerequests/changerequest/"
PAGE_OF_REQUEST = re.compile(rf"{QUEUE}(\d+)/change/")
REQUESTS = 30
REJECTED_EVERY = 5
BETWEEN_KEYS_MILLISECONDS = 100
LOOK_MILLISECONDS = 1000
# When the page could be seen, in milliseconds since the epoch as in the timing of requests.
SHOWN_AT = "performance.timeOrigin + performance.getEntriesByType('navigation')[0].domInteractive"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def queue(make_member: Callable[..., Member], make_contact: Callable[..., Contact]) -> list[ChangeRequest]:
    """Simple requests of one member, in the order of the queue."""
    anna = make_member("anna")
    for number in range(REQUESTS):
        name = {"lastName": f"Adler {number}", "displayName": f"Adler {number}"}
        contact = make_contact(details(personalInformation=name), members=[anna])
        patch = {"personalInformation": {"lastName": "Heusser"}}
        patch_details(actor=member_actor(anna), contact_id=contact.pk, patch=patch)
    return list(ChangeRequest.objects.order_by("created_at", "pk"))


def shown_request(page: Page) -> int | None:
    found = PAGE_OF_REQUEST.search(page.url)
    return int(found[1]) if found else None


def hammer(page: Page, request: ChangeRequest, *keys: str) -> None:
    """Press these keys again and again until the page of the request is left."""
    while shown_request(page) == request.pk:
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(BETWEEN_KEYS_MILLISECONDS)


def test_thirty_requests_are_decided_by_keyboard_and_none_that_was_not_on_screen_for_a_second(
    page: Page, sign_in: Callable[..., None], make_member: Callable[..., Member], queue: list[ChangeRequest]
) -> None:
    sent: dict[int, float] = {}

    def note(request: Request) -> None:
        if request.method == "POST" and (found := PAGE_OF_REQUEST.search(request.url)):
            sent[int(found[1])] = request.timing["startTime"]

    page.on("requestfinished", note)
    sign_in(page, make_member("rita", reviews=True, sees_all_contacts=True))
    page.goto(f"{QUEUE}{queue[0].pk}/change/")
    shown: dict[int, float] = {}
    for number, request in enumerate(queue):
        expect(page).to_have_url(re.compile(rf"{QUEUE}{request.pk}/change/"))
        page.wait_for_load_state("domcontentloaded")
        shown[request.pk] = page.evaluate(SHOWN_AT)
        if number % REJECTED_EVERY:
            hammer(page, request, "a", "Enter")
        else:
            page.keyboard.press("r")
            page.keyboard.type("No passport")
            hammer(page, request, "Enter")

    expect(page.get_by_text("Nothing else in this queue is pending for you.")).to_be_visible()
    decided = ChangeRequest.objects.in_bulk()
    for number, request in enumerate(queue):
        expected = Status.APPROVED if number % REJECTED_EVERY else Status.REJECTED
        assert decided[request.pk].status == expected
        assert sent[request.pk] - shown[request.pk] >= LOOK_MILLISECONDS
