"""Applications that people allow to act for them, in a real browser and from other origins."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from playwright.sync_api import Page, expect

from accounts.actor import system_actor
from accounts.cross_origin import forget_origins
from accounts.models import ClientApplication, Member
from administration.services.applications import create_client_application

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


# ---- a web application with a server, by a library that knows nothing of us


def test_a_web_application_signs_people_in_by_what_it_discovers(
    page: Page, anna: Member, elsewhere: Elsewhere, live_server: Any, contact: Any
) -> None:
    client = create_client_application(
        actor=system_actor("tests"),
        name="Client portal",
        scopes=["contacts.read"],
        target={"grant": "authorization-code", "redirectUris": [f"{elsewhere.url}/done"]},
    )
    metadata = requests.get(f"{live_server.url}/.well-known/oauth-authorization-server", timeout=10).json()
    session = OAuth2Session(
        client.application.client_id,
        client.client_secret,
        scope="contacts.read",
        redirect_uri=f"{elsewhere.url}/done",
        code_challenge_method="S256",
        token_endpoint_auth_method=metadata["token_endpoint_auth_methods_supported"][0],
    )
    verifier = generate_token(48)
    address, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)

    def answer(path: str) -> tuple[int, dict[str, str], str]:
        if path == "/":
            return 302, {"Location": address}, ""
        arrived = f"{elsewhere.url}{path}"
        assert parse_qs(urlsplit(path).query)["iss"] == [metadata["issuer"]]
        session.fetch_token(
            metadata["token_endpoint"], authorization_response=arrived, state=state, code_verifier=verifier
        )
        session.refresh_token(metadata["token_endpoint"])
        found = session.get(f"{live_server.url}/v1.0/contacts/{contact.pk}/details")
        return 200, {}, f"<!doctype html><title>x</title><pre id=got>{found.status_code} {found.text}</pre>"

    elsewhere.answer = answer
    page.goto(elsewhere.url)
    log_in(page)
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("#got")).to_contain_text("200 ")
    expect(page.locator("#got")).to_contain_text("Spyri")


# ---- a page of another origin, with nothing but what browsers bring along

SPA = """<!doctype html><title>x</title><pre id=got></pre><script type="module">
const [kontor, client] = [%(kontor)s, %(client)s];
const here = location.origin + "/";
const text = bytes => btoa(String.fromCharCode(...bytes)).replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");
const show = found => { document.getElementById("got").textContent += found + "\\n"; };
const form = fields => ({ method: "POST", body: new URLSearchParams({ client_id: client, ...fields }) });
const query = new URLSearchParams(location.search);
if (!query.has("code")) {
  const verifier = text(crypto.getRandomValues(new Uint8Array(48)));
  sessionStorage.verifier = verifier;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const metadata = await (await fetch(kontor + "/.well-known/oauth-authorization-server")).json();
  location = metadata.authorization_endpoint + "?" + new URLSearchParams({
    response_type: "code", client_id: client, redirect_uri: here, scope: "contacts.read", state: "kept",
    code_challenge: text(new Uint8Array(digest)), code_challenge_method: "S256" });
} else {
  const got = await fetch(kontor + "/connect/token", form({ grant_type: "authorization_code", code: query.get("code"),
    redirect_uri: here, code_verifier: sessionStorage.verifier }));
  const tokens = await got.json();
  const headers = { Authorization: "Bearer " + tokens.access_token };
  const details = await fetch(kontor + %(path)s, { headers });
  show(details.status + " " + details.headers.get("ETag") + " " + await details.text());
  const revoked = await fetch(kontor + "/connect/revoke", form({ token: tokens.refresh_token }));
  const after = await fetch(kontor + %(path)s, { headers });
  show("revoked " + revoked.status + ", then " + after.status + " " + after.headers.get("WWW-Authenticate"));
}
</script>"""


def spa(elsewhere: Elsewhere, live_server: Any, contact: Any, *, origins: list[str]) -> None:
    forget_origins()
    target = {
        "grant": "authorization-code",
        "isPublic": True,
        "redirectUris": [f"{elsewhere.url}/"],
        "origins": origins,
    }
    client = create_client_application(
        actor=system_actor("tests"), name="Client portal", scopes=["contacts.read"], target=target
    ).application
    values = {
        "kontor": live_server.url,
        "client": client.client_id,
        "path": f"/v1.0/contacts/{contact.pk}/details",
    }
    page = SPA % {name: json.dumps(value) for name, value in values.items()}
    elsewhere.answer = lambda path: (200, {}, page)


@pytest.fixture
def contact(make_contact: Any, anna: Member) -> Any:
    contact = make_contact()
    contact.members.add(anna)
    return contact


def test_a_page_of_a_registered_origin_gets_a_token_and_calls_the_api(
    page: Page, anna: Member, elsewhere: Elsewhere, live_server: Any, contact: Any, complaints: Any
) -> None:
    spa(elsewhere, live_server, contact, origins=[elsewhere.url])
    complaints.expect("status of 401")
    page.goto(elsewhere.url)
    log_in(page)
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("#got")).to_contain_text("Spyri")
    expect(page.locator("#got")).to_contain_text('200 "')
    expect(page.locator("#got")).to_contain_text('revoked 200, then 401 Bearer error="invalid_token"')


def test_a_page_of_another_origin_gets_none(
    page: Page, anna: Member, elsewhere: Elsewhere, live_server: Any, contact: Any, complaints: Any
) -> None:
    spa(elsewhere, live_server, contact, origins=["https://portal.example"])
    complaints.expect("blocked by CORS policy")
    complaints.expect("Failed to fetch")
    complaints.expect("net::ERR_FAILED")
    page.goto(elsewhere.url)
    log_in(page)
    with page.expect_event("pageerror"):
        page.get_by_role("button", name="Allow").click()
    expect(page.locator("#got")).to_be_empty()
