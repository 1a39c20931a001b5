"""Helpers for browser tests: errors on pages and accessibility checks."""

import re
from collections.abc import Collection, Iterator

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import ConsoleMessage, Error, Page, Request, Response, expect

GRAVE = {"serious", "critical"}
ANY_IMPACT = {"minor", "moderate", *GRAVE}
# WCAG 2.2 level AA and the best practices of axe-core.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


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


# The theme follows the system's scheme when a page loads; a change of the theme, there and back, makes it look again.
FOLLOW_SYSTEM = """async () => {
    const shell = Alpine.$data(document.documentElement);
    shell.adminTheme = "light";
    await Alpine.nextTick();
    shell.adminTheme = "auto";
    await Alpine.nextTick();
    const fading = document.getAnimations().filter(animation => animation instanceof CSSTransition);
    await Promise.allSettled(fading.map(transition => transition.finished));
}"""


def in_both_schemes(page: Page) -> Iterator[str]:
    """Show the loaded page in its colour scheme, then in the other one: cheaper than to load it twice.

    The page keeps the other scheme, so the next one loads in it: a walk over several pages loads some in each.
    """
    loaded_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    _expect_scheme(page, is_dark=loaded_dark)
    yield "dark" if loaded_dark else "light"
    page.emulate_media(color_scheme="light" if loaded_dark else "dark")
    page.evaluate(FOLLOW_SYSTEM)
    _expect_scheme(page, is_dark=not loaded_dark)
    yield "light" if loaded_dark else "dark"


def _expect_scheme(page: Page, *, is_dark: bool) -> None:
    expect(page.locator("html.dark")).to_have_count(int(is_dark))


def violations_on(page: Page, *, of: Collection[str]) -> list[str]:
    """Return the violations of these impacts that axe-core finds in the current state of the page."""
    # Evaluated through the debugger protocol, which bypasses the Content-Security-Policy.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # Only the violations leave the browser: the rest of the result takes as long to transfer as to compute.
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    found = page.evaluate("async options => (await axe.run(options)).violations", options)
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']}\n"
        f"    {' '.join(node['target'])}\n    {node['html'][:300]}\n    {node.get('failureSummary', '')}"
        for violation in found
        if violation["impact"] in of
        for node in violation["nodes"]
    ]


def allows_nothing_unsafe(answer: Response) -> bool:
    """Return whether the Content-Security-Policy of the response has no exception."""
    return "unsafe" not in answer.headers["content-security-policy"]


def scrolls_sideways(page: Page) -> bool:
    """Return whether the page is wider than its viewport."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
