"""Applications that people allow to act for them, in a real browser and from other origins."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from accounts.models import ClientApplication, Member

Answer = Callable[[str], tuple[int, dict[str, str], str]]


class Elsewhere:
    """A web site of an application, on a port of its own. `answer` takes a path and returns status, headers, body."""

    def __init__(self) -> None:
        self.answer: Answer = lambda path: (200, {}, f"<!doctype html><title>x</title><pre id=got>{path}</pre>")
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = (204, {}, "") if self.path == "/favicon.ico" else site.answer(self.path)
                self.send_response(status)
                for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def elsewhere(complaints: Any) -> Iterator[Elsewhere]:
    site = Elsewhere()
    thread = threading.Thread(target=site.server.serve_forever)
    thread.start()
    complaints.expect(f"asked somebody else: {site.url}")
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


@pytest.fixture
def anna(make_member: Any) -> Member:
    return make_member("anna")


@pytest.fixture
def portal(elsewhere: Elsewhere) -> ClientApplication:
    return ClientApplication.objects.create(
        name="Client portal",
        client_type=ClientApplication.CLIENT_PUBLIC,
        authorization_grant_type=ClientApplication.GRANT_AUTHORIZATION_CODE,
        redirect_uris=f"{elsewhere.url}/done",
        allowed_scopes="contacts.read",
    )


def asking(application: ClientApplication, **changed: str) -> str:
    query = {
        "response_type": "code",
        "client_id": application.client_id,
        "redirect_uri": application.redirect_uris,
        "scope": "contacts.read",
        "state": "kept",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
        **changed,
    }
    return f"/connect/authorize?{urlencode(query)}"


def log_in(page: Page) -> None:
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill("secret-for-tests")
    page.get_by_role("button", name="Log in").click()


def test_somebody_logs_in_and_allows_an_application_of_another_origin(
    page: Page, anna: Member, portal: ClientApplication, elsewhere: Elsewhere, axe: Any
) -> None:
    page.goto(asking(portal))
    log_in(page)
    expect(page.get_by_role("heading", name="Allow Client portal?")).to_be_visible()
    expect(page.get_by_text("Anna Tester")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("#got")).to_contain_text("/done?code=")
    assert "state=kept" in page.url


def test_who_denies_goes_back_without_a_code(
    page: Page, sign_in: Any, anna: Member, portal: ClientApplication, elsewhere: Elsewhere
) -> None:
    sign_in(page, anna)
    page.goto(asking(portal))
    page.get_by_role("button", name="Deny").click()
    expect(page.locator("#got")).to_contain_text("error=access_denied")
    assert page.url.startswith(f"{elsewhere.url}/done?")
