"""Helpers for browser tests: errors on pages and accessibility checks."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Error, Page, Request, expect

# WCAG 2.2 level AA and the best practices of axe-core.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = {"serious", "critical"}

_axe = Axe()


class Complaints:
    """Collects console errors (including violations of the CSP), exceptions and requests to other hosts."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._heard: list[str] = []
        self._expected: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", self._catch)
        page.on("request", self._follow)

    def expect(self, pattern: str) -> None:
        """Expect an error that the test provokes: `complaints.expect("status of 403")`."""
        self._expected.append(pattern)

    def assert_as_expected(self) -> None:
        """Raise AssertionError for unexpected errors and for missing expected ones."""
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
    """Wait until Alpine is initialized, htmx requests have finished and fonts are loaded.

    Faster than waiting for an idle network, which takes half a second longer.
    """
    expect(page.locator("html[x-cloak]")).to_have_count(0)
    expect(page.locator(".htmx-request")).to_have_count(0)
    page.evaluate("document.fonts.ready.then(() => null)")


def grave_violations(page: Page) -> list[str]:
    """Return the serious and critical violations that axe-core finds in the current state of the page."""
    # Evaluated through the debugger protocol, which bypasses the Content-Security-Policy.
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
    """Return whether the page is wider than its viewport."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
