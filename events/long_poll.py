"""Waiting for events without using up the web server's threads."""

import random
import time
from collections.abc import Callable
from threading import Event, Semaphore

from events.queries.feed import Page
from events.services.numbering import number_events

MAX_SECONDS = 20
EVERY_SECONDS = 0.5
# One thread of each process waits; the others answer everybody else.
_waiting = Semaphore()
_is_ending = Event()
# When to come again, for readers that could not wait: not all at the same moment.
_AGAIN_AFTER_SECONDS = (2, 6)


class CannotWaitError(Exception):
    """There is nothing yet, and another reader waits in this process: come again after `seconds`. `page` is empty."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.seconds = random.randint(*_AGAIN_AFTER_SECONDS)  # noqa: S311 - no secret


def wait_for_page(read: Callable[[], Page], *, seconds: int) -> Page:
    """Return the page once it has something, after so many seconds, or if the process ends. Raises CannotWaitError."""
    until = time.monotonic() + seconds
    page = _fresh(read)
    if _is_worth_returning(page) or not seconds:
        return page
    if not _waiting.acquire(blocking=False):
        raise CannotWaitError(page)
    try:
        while not _is_worth_returning(page) and time.monotonic() < until and not _is_ending.wait(EVERY_SECONDS):
            page = _fresh(read)
    finally:
        _waiting.release()
    return page


def end_waiting() -> None:
    """Have all who wait in this process answered with what there is. Nobody waits in it any more."""
    _is_ending.set()


def _fresh(read: Callable[[], Page]) -> Page:
    number_events()
    return read()


def _is_worth_returning(page: Page) -> bool:
    return bool(page.events) or page.has_more
