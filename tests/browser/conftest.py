"""Browser tests with Playwright against a live server on the test's database.

Fixtures: `page` (1280 x 800), `phone_page` (390 x 844), `open_page(...)`, `sign_in(page, member)` and `axe(page)`. A
test fails if any page that it opened had unexpected errors: see `Complaints`.
"""

import os
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from accounts.models import Member
from devstack.management.browser import chromium
from tests.browser.browsing import ANY_IMPACT, GRAVE, Complaints, violations_on

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
PATIENCE_MILLISECONDS = 15_000

OpenPage = Callable[..., Page]
_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Record for `open_page` whether the test failed."""
    report: Any = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


def _path() -> str:
    """Return the path of the browser. If there is none, skip the tests, or fail in CI."""
    path = chromium()
    if path is None:
        reason = "no chromium on this machine (apt-get install chromium, or set KONTOR_CHROMIUM)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a process. Every page has its own cookies and storage."""
    path = _path()
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        # Playwright's event loop runs in this thread, but no Django code runs in the loop: the test is called from
        # outside it and the server has its own threads. Django cannot tell and would reject the test's queries.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        # Chromium's sandbox does not work for root.
        running = playwright.chromium.launch(executable_path=path, chromium_sandbox=os.geteuid() != 0)
        yield running
        running.close()


@pytest.fixture
def complaints(live_server: Any) -> Complaints:
    """Errors on the pages of this test."""
    return Complaints(live_server.url)


@pytest.fixture
def open_page(
    browser: Browser,
    live_server: Any,
    default_schemas: None,
    complaints: Complaints,
    request: pytest.FixtureRequest,
) -> Iterator[OpenPage]:
    """Open a page in a new context with the given options: `open_page(color_scheme="dark", locale="de-CH")`.

    Raises AssertionError at teardown if there were unexpected errors. Failed tests save screenshots in the data
    directory of the test servers.
    """
    contexts: list[BrowserContext] = []

    def open_one(**options: Any) -> Page:
        context = browser.new_context(
            **{
                "base_url": live_server.url,
                "viewport": DESKTOP,
                "locale": "en-GB",
                "timezone_id": "UTC",
                "reduced_motion": "reduce",
                **options,
            }
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        page = context.new_page()
        complaints.watch(page)
        return page

    yield open_one
    if request.node.stash.get(_FAILED, False):
        _take_pictures(request.node.name, contexts)
    for context in contexts:
        context.close()
    complaints.assert_as_expected()


def _take_pictures(test: str, contexts: list[BrowserContext]) -> None:
    directory = Path(settings.VAR_DIR) / "browser"
    for number, page in enumerate((page for context in contexts for page in context.pages), 1):
        page.screenshot(path=directory / f"{test}-{number}.png", full_page=True)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A page in a desktop viewport."""
    return open_page()


@pytest.fixture
def phone_page(open_page: OpenPage) -> Page:
    """A page in a phone viewport, with touch."""
    return open_page(viewport=PHONE, has_touch=True, is_mobile=True)


@pytest.fixture
def sign_in(live_server: Any) -> Callable[[Page, Member], None]:
    """Sign a member in by setting the session cookie; the sign-in form has its own tests."""

    def sign(page: Page, member: Member) -> None:
        client = Client()
        client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])

    return sign


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Raise AssertionError with rules and elements if axe-core finds serious or critical violations on the page."""
    return partial(_check, of=GRAVE)


@pytest.fixture
def strict_axe() -> Callable[[Page], None]:
    """Like `axe`, for violations of any impact."""
    return partial(_check, of=ANY_IMPACT)


def _check(page: Page, *, of: Collection[str]) -> None:
    found = violations_on(page, of=of)
    assert not found, f"{page.url}:\n" + "\n".join(found)
