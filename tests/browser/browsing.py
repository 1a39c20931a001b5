"""What the tests in a browser are made of: what a page complained about, and whether everybody can use it."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Error, Page, Request, expect

# WCAG 2.2 at level AA, and what axe-core holds to be good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = {"serious", "critical"}

_axe = Axe()


class Complaints:
    """Errors in the console (what a Content-Security-Policy forbids is one), exceptions, requests to elsewhere."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._heard: list[str] = []
        self._expected: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", self._catch)
        page.on("request", self._follow)

    def expect(self, pattern: str) -> None:
        """The test brings this complaint about: `complaints.expect("status of 403")`."""
        self._expected.append(pattern)

    def assert_as_expected(self) -> None:
        """Raises AssertionError for what nobody expected, and for what was expected and did not come."""
        unexpected = [text for text in self._heard if not any(re.search(known, text) for known in self._expected)]
        assert not unexpected, "The page complained:\n" + "\n".join(unexpected)
        missing = [known for known in self._expected if not any(re.search(known, text) for text in self._heard)]
        assert not missing, f"The page did not complain: {missing}"

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._heard.append(f"{message.text} ({message.location.get('url', '')})")

    def _catch(self, error: Error) -> None:
        self._heard.append(f"uncaught: {error}")

    def _follow(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "data:", "blob:", "about:")):
            self._heard.append(f"asked somebody else: {request.url}")


def settle(page: Page) -> None:
    """Waits until the page is as it stays: Alpine has read it, what htmx asked for is there, and so are the fonts.

    An idle network says so half a second later.
    """
    expect(page.locator("html[x-cloak]")).to_have_count(0)
    expect(page.locator(".htmx-request")).to_have_count(0)
    page.evaluate("document.fonts.ready.then(() => null)")


def grave_violations(page: Page) -> list[str]:
    """What axe-core finds on the page as it stands, as seriously as makes somebody unable to use it; one line each."""
    # Through the debugger's door, which no Content-Security-Policy closes.
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    found = _axe.run(page, options=options).response["violations"]
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']}\n"
        f"    {' '.join(node['target'])}\n    {node['html'][:300]}\n    {node.get('failureSummary', '')}"
        for violation in found
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


def scrolls_sideways(page: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
