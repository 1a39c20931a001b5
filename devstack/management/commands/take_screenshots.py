"""`manage.py take_screenshots`: takes the screenshots of the README again, from a fresh demo. For development."""

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.core.management import BaseCommand, CommandError
from PIL import Image

from changerequests.models import Status
from devstack.demo.accounts import DEMO_ACCOUNTS
from devstack.management.browser import chromium

try:
    from playwright.sync_api import Browser, Page, sync_playwright
except ModuleNotFoundError as error:
    raise SystemExit("Pictures need what development needs: pip install -e '.[embedded,dev]'") from error

ROOT = Path(__file__).resolve().parents[3]
PASSWORDS = {account.username: account.password for account in DEMO_ACCOUNTS}
WIDTH = 1280
COLOURS = 128
UP_SECONDS = 300
PATIENCE_MILLISECONDS = 60_000

QUEUE = "/admin/changerequests/changerequest/"
CONTACTS = "/admin/contacts/contact/"
# Her request changes lists, amounts and entries of an array.
CLIENT = "Noémie Blanchet"


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A page as a member of the demo sees it. `go` takes the steps that lead there."""

    name: str
    member: str
    height: int
    go: Callable[[Page], None]


def _dashboard(page: Page) -> None:
    page.goto("/admin/")


def _queue(page: Page) -> None:
    page.goto(QUEUE)


def _review(page: Page) -> None:
    page.goto(QUEUE)
    page.locator("#result_list").get_by_role("link").filter(has_text=CLIENT).first.click()


def _returned(page: Page) -> None:
    page.goto(f"{QUEUE}?{urlencode({'status': Status.RETURNED.value})}")
    page.locator("#result_list tbody").get_by_role("link").first.click()


def _policy(page: Page) -> None:
    page.goto("/admin/changerequests/policyversion/contact-details/edit/")


def _contact(page: Page) -> None:
    page.goto(f"{CONTACTS}?{urlencode({'q': CLIENT})}")
    page.locator("#result_list").get_by_role("link").filter(has_text=CLIENT).first.click()


PICTURES = (
    Picture(name="dashboard", member="rita", height=680, go=_dashboard),
    Picture(name="queue", member="rita", height=860, go=_queue),
    Picture(name="review", member="rita", height=1080, go=_review),
    Picture(name="returned", member="anna", height=1080, go=_returned),
    Picture(name="policy", member="carl", height=1080, go=_policy),
    Picture(name="contact", member="rita", height=1080, go=_contact),
)


class Command(BaseCommand):
    help = (
        "Takes the pictures of the README: starts a demo of its own in a directory that is removed afterwards, or uses "
        "one that runs already. Needs Debian's chromium, or the one that KONTOR_CHROMIUM names."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = [picture.name for picture in PICTURES]
        parser.add_argument(
            "names", nargs="*", metavar="NAME", help=f"Which ones; all unless said: {', '.join(names)}."
        )
        parser.add_argument("--url", help="A demo that runs already, such as http://localhost:8000.")
        parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images", help="docs/images unless said.")

    def handle(self, *args: Any, names: list[str], url: str | None, output: Path, **options: Any) -> None:
        unknown = set(names) - {picture.name for picture in PICTURES}
        if unknown:
            raise CommandError(f"There is no picture {', '.join(sorted(unknown))}.")
        path = chromium()
        if path is None:
            raise CommandError(
                "There is no chromium on this machine: apt-get install chromium, or set KONTOR_CHROMIUM."
            )
        output.mkdir(parents=True, exist_ok=True)
        with (
            contextlib.nullcontext(url.rstrip("/")) if url else _demo() as origin,
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=path, chromium_sandbox=os.geteuid() != 0) as browser,
        ):
            for picture in PICTURES:
                if not names or picture.name in names:
                    file = output / f"{picture.name}.png"
                    file.write_bytes(_smaller(_take(browser, origin, picture)))
                    self.stdout.write(f"{file} ({file.stat().st_size // 1024} KiB)")


@contextmanager
def _demo() -> Iterator[str]:
    """Run a separate stack with fresh demo data, and yield its address. Raise CommandError if it does not start."""
    with tempfile.TemporaryDirectory(prefix="kontor-pictures-") as directory:
        log = Path(directory) / "output"
        port = _free_port()
        own = {"DATABASE_URL", "REDIS_URL", "HOST", "PORT"}
        environment = {name: value for name, value in os.environ.items() if name not in own}
        with log.open("w") as written:
            stack = subprocess.Popen(  # noqa: S603 - this program
                [sys.executable, "manage.py", "runstack", "--port", str(port)],
                cwd=ROOT,
                env={**environment, "KONTOR_VAR": str(Path(directory) / "var"), "WEB_CONCURRENCY": "1"},
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            deadline = time.monotonic() + UP_SECONDS
            while "Ctrl-C stops" not in log.read_text():
                if stack.poll() is not None or time.monotonic() > deadline:
                    raise CommandError(f"The demo did not start:\n{log.read_text()[-2000:]}")
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            stack.send_signal(signal.SIGTERM)
            stack.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _take(browser: Browser, origin: str, picture: Picture) -> bytes:
    """Return the screenshot as PNG. Raise CommandError if the page is not the expected one."""
    context = browser.new_context(
        base_url=origin,
        viewport={"width": WIDTH, "height": picture.height},
        locale="en-GB",
        color_scheme="light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    page = context.new_page()
    page.goto("/connect/login?next=/admin/password_change/")
    page.locator("input[name=username]").fill(picture.member)
    password = page.locator("input[name=password]")
    password.fill(PASSWORDS[picture.member])
    password.press("Enter")
    page.wait_for_url("**/admin/password_change/")
    picture.go(page)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    # Remove the focus ring from the button or link that led here.
    page.evaluate("document.activeElement?.blur()")
    page.mouse.move(WIDTH - 1, 0)
    taken = page.screenshot(animations="disabled", caret="hide")
    context.close()
    return taken


def _smaller(picture: bytes) -> bytes:
    """Return the image reduced to a palette: pages have few colours, and small files keep the repository small."""
    with Image.open(io.BytesIO(picture)) as image:
        reduced = image.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        written = io.BytesIO()
        reduced.save(written, format="PNG", optimize=True)
    return written.getvalue()
