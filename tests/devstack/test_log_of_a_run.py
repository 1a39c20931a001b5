"""The log of a run with valid and invalid requests of every kind has no personal data and no secrets."""

import contextlib
import http.cookiejar
import json
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.embedded import paths
from tests.devstack.stack import ROOT, Eventually, RunningStack, free_port
from tests.prepared import Prepare

# Whatever of these stands in the log was not meant to.
pytestmark = pytest.mark.stack

FIRST, LAST, STREET = "Zdenka", "Kowalczykowska", "Geheimgasse"
EMAIL, NEW_EMAIL, MOBILE = "zdenka@privat.example", "zdenka.neu@privat.example", "+41791234567"
USERNAME, EXTERNAL_ID = "zdenka.kow", "CRM-4711-Zdenka"
PASSWORD, GUESS = "right-horse-battery-staple", "wrong-horse-battery-staple"
STAFF = "staffmember.wysocka"
PERSONAL = [FIRST, LAST, STREET, EMAIL, NEW_EMAIL, MOBILE, MOBILE[1:], USERNAME, EXTERNAL_ID, PASSWORD, GUESS, STAFF]

Environment = Callable[[Path], dict[str, str]]


class Caller:
    """HTTP client with cookies that does not raise for error statuses."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(jar)

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.origin}{path}", data=body, headers=sent, method=method)
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def json(self, token: str, method: str, path: str, body: object = None) -> tuple[int, dict]:
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content_Type": "application/json"}
        status, answer = self.call(method, path, content, **headers)
        with contextlib.suppress(ValueError):
            return status, json.loads(answer)
        return status, {}

    def form(self, path: str, **fields: str) -> tuple[int, bytes]:
        kind = "application/x-www-form-urlencoded"
        return self.call("POST", path, urllib.parse.urlencode(fields).encode(), Content_Type=kind)


@pytest.fixture
def variables(tmp_path: Path, environment: Environment) -> dict[str, str]:
    """Messages go to a mail server and a gateway that are down, so that the failures are logged too."""
    return {
        **environment(tmp_path / "var"),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "DEBUG",
        "EMAIL_URL": f"smtp://mailer:{PASSWORD}@127.0.0.1:{free_port()}",
        "SMS_BACKEND": "contacts.sms.HttpGatewayBackend",
        "SMS_GATEWAY_URL": f"http://127.0.0.1:{free_port()}/send",
        "SMS_GATEWAY_TOKEN": PASSWORD,
        "LOGIN_MAX_FAILURES": "3",
        "API_RATE": "2000/min",
    }


@pytest.fixture
def stack(
    tmp_path: Path, variables: dict[str, str], eventually: Eventually, prepare: Prepare
) -> Iterator[RunningStack]:
    prepare(tmp_path / "var")
    running = RunningStack(tmp_path / "var", variables, eventually)
    yield running
    running.end()
    paths.socket_directory(tmp_path / "var").rmdir()


PREPARE = """
from accounts.models import Member, User
from contacts.services.logins import open_login
user = User.objects.create_superuser({staff!r}, password={password!r}, first_name={first!r}, last_name={last!r})
Member.objects.create(user=user, sees_all_contacts=True)
"""


def manage(variables: dict[str, str], *arguments: str, text: str | None = None) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=variables, input=text, capture_output=True, text=True, check=True)
    # The commands' own output may end up in a log too.
    assert not [value for value in (LAST, EMAIL, PASSWORD) if value in done.stderr], done.stderr
    return done.stdout


def test_the_log_names_nobody(stack: RunningStack, variables: dict[str, str], eventually: Eventually) -> None:
    caller = Caller(f"http://127.0.0.1:{stack.port}")
    prepared = PREPARE.format(staff=STAFF, password=PASSWORD, first=FIRST, last=LAST)
    manage(variables, "shell", "-v0", "-c", prepared)
    scopes = "contacts.read contacts.write schemas.read groups.read groups.write exports imports change-requests.read"
    credentials = json.loads(manage(variables, "create_client_app", "crm", "--scopes", f"{scopes} anonymize"))
    secrets = [credentials["client_secret"], credentials["client_id"]]

    token = token_of(caller, credentials)
    member = manage(variables, "issue_token", "--member", STAFF).strip()
    secrets += [token, member]
    contact = work_on_a_contact(caller, token, member, variables)
    log_in_and_fail(caller, credentials)
    contact_token = manage(variables, "issue_token", "--contact", str(contact)).strip()
    secrets.append(contact_token)
    move_files(caller, token)
    # The worker has tried to send the messages and failed.
    eventually(lambda: stack.output.count("task_retries") >= 2, "no message was tried")
    go_astray(caller, token, contact)
    eventually(lambda: stack.output.count("run_export") + stack.output.count("run_import") >= 3, "no job has run")
    stack.end()

    log = stack.output
    assert log.count('"event":"request"') > 30, log[-3000:]
    found = {
        value: line for value in (*PERSONAL, *secrets) for line in log.splitlines() if value.lower() in line.lower()
    }
    assert found == {}


def token_of(caller: Caller, credentials: dict[str, str]) -> str:
    basic = b64encode(f"{credentials['client_id']}:{credentials['client_secret']}".encode()).decode()
    body = b"grant_type=client_credentials"
    kind = "application/x-www-form-urlencoded"
    status, answer = caller.call("POST", "/connect/token", body, Authorization=f"Basic {basic}", Content_Type=kind)
    assert status == 200, answer
    for wrong in ("not base64", b64encode(f"{credentials['client_id']}:{GUESS}".encode()).decode()):
        caller.call("POST", "/connect/token", body, Authorization=f"Basic {wrong}", Content_Type=kind)
    caller.form("/connect/token", grant_type="password", username=USERNAME, password=PASSWORD, client_id=GUESS)
    caller.form("/connect/token", grant_type="refresh_token", refresh_token=GUESS, client_id=GUESS)
    token: str = json.loads(answer)["access_token"]
    return token


def work_on_a_contact(caller: Caller, token: str, member: str, variables: dict[str, str]) -> int:
    found = caller.json(token, "POST", "/v1.0/lists/contact-type/search", {"filter": "client"})[1]
    person = {"firstName": FIRST, "lastName": LAST, "displayName": f"{FIRST} {LAST}"}
    details = {"personalInformation": person, "contactInformation": {"email": EMAIL}}
    new = {"contactTypeId": found["items"][0]["id"], "username": USERNAME, "details": details}
    status, answer = caller.json(token, "POST", "/v1.0/contacts", new)
    assert status == 201, answer
    contact = answer["id"]
    at = f"/v1.0/contacts/{contact}"
    assert caller.json(token, "POST", "/v1.0/contacts", {**new, "username": USERNAME.upper()})[0] == 422
    wrong = {"personalInformation": {"lastName": 7, "dateOfBirth": LAST}, STREET: {LAST: EMAIL}}
    assert caller.json(token, "PATCH", f"{at}/details", {"details": wrong})[0] == 422
    addresses = {"contactInformation": {"email": NEW_EMAIL, "mobile": MOBILE}}
    assert caller.json(token, "PATCH", f"{at}/details", {"details": addresses})[0] == 200
    caller.json(token, "POST", f"{at}/communication-verification/verify", {"channel": "Email", "key": GUESS})
    asked = {"details": {"personalInformation": {"lastName": f"{LAST}-{STREET}"}}, "comment": f"{FIRST} married"}
    assert caller.json(member, "PATCH", f"{at}/details", asked)[0] == 200
    assert (
        caller.json(token, "POST", f"{at}/external-connections", {"system": "crm", "externalId": EXTERNAL_ID})[0] == 204
    )
    for known in (EXTERNAL_ID, f"{EXTERNAL_ID}-unknown"):
        caller.json(token, "GET", f"/v1.0/contacts/external-connections/crm/{known}")
    caller.json(token, "PUT", f"{at}/username", {"username": ""})
    caller.json(token, "POST", "/v1.0/contact-groups/search", {"name": LAST})
    for where in (f'lastName: {{ contains: "{LAST}" }}', f'lastName: {{ never: "{LAST}" }}', f'{LAST}: "{EMAIL}"'):
        query = f"{{ contacts(where: {{ personalInformation: {{ {where} }} }}) {{ totalCount items {{ name }} }} }}"
        caller.json(token, "POST", "/graphql", {"query": query})
    return int(contact)


def log_in_and_fail(caller: Caller, credentials: dict[str, str]) -> None:
    def page(path: str) -> str:
        text = caller.call("GET", path)[1].decode()
        return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)[1]  # type: ignore[index]

    assert caller.form("/connect/login", username=STAFF, password=PASSWORD)[0] == 403  # no CSRF token
    for number in range(5):
        csrf = page("/connect/login")
        status, _page = caller.form("/connect/login", username=USERNAME, password=GUESS, csrfmiddlewaretoken=csrf)
        assert status == (200 if number < 2 else 429)
    csrf = page("/connect/login")
    assert caller.form("/connect/login", username=STAFF, password=PASSWORD, csrfmiddlewaretoken=csrf)[0] == 200
    for path in (f"contacts/contact/?q={LAST}", f"contacts/contact/{EXTERNAL_ID}/change/", f"?{LAST}={EMAIL}"):
        caller.call("GET", f"/admin/{path}")
    authorize = {"client_id": credentials["client_id"], "state": GUESS, "redirect_uri": f"https://{LAST}.example/"}
    caller.call("GET", f"/connect/authorize?{urllib.parse.urlencode(authorize)}")
    assert caller.call("GET", "/connect/second-factor/setup")[0] == 200


def move_files(caller: Caller, token: str) -> None:
    entries = [
        {"externalId": EXTERNAL_ID, "username": USERNAME, "contactTypeId": -1, "details": {LAST: EMAIL}},
        {"externalId": 7, "username": EMAIL},
    ]
    for content in (json.dumps(entries), f'[{{"username": "{LAST}"', LAST):
        part = (
            f'--X\r\nContent-Disposition: form-data; name="files"; filename="{LAST}.json"\r\n\r\n{content}\r\n--X--\r\n'
        )
        headers = {"Authorization": f"Bearer {token}", "Content_Type": "multipart/form-data; boundary=X"}
        caller.call("POST", "/v1.0/contacts/import", part.encode(), **headers)
    assert caller.json(token, "POST", "/v1.0/contacts/import/sync")[0] == 202
    for query in ("", f'{{ contacts(where: {{ username: {{ eq: "{USERNAME}" }} }}) {{ items {{ id }} }} }}', LAST):
        headers = {"Authorization": f"Bearer {token}", "Content_Type": "text/plain"}
        caller.call("POST", "/v1.0/contacts/export", query.encode(), **headers)


def go_astray(caller: Caller, token: str, contact: int) -> None:
    """Unknown operations, and errors below the application."""
    for path in (f"/{LAST}", f"/v1.0/contacts/{EMAIL}/details", f"/static/{LAST}.js", f"/v1.0/contacts?{LAST}={EMAIL}"):
        caller.json(token, "GET", urllib.parse.quote(path, safe="/?="))
    caller.call("GET", "/", Host=f"{LAST}.example")
    caller.call("GET", f"/v1.0/contacts/{contact}/details", Authorization=f"Bearer {GUESS}")
    caller.call("GET", f"/v1.0/contacts/{contact}/details?access_token={GUESS}")
    caller.call(
        "PATCH", f"/v1.0/contacts/{contact}/details", f'{{"details": "{LAST}'.encode(), Content_Type="text/html"
    )
    caller.json(token, "PATCH", f"/v1.0/contacts/{contact}/details", {LAST: EMAIL})
    caller.json(token, "POST", "/v1.0/contacts/anonymize", {"contactIds": [contact]})
