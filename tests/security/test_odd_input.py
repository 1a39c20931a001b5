"""What the database cannot store, and numbers that nobody can read, are refused: nothing of it is an error of ours."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import DataError
from django.test import Client
from django.urls import reverse

from accounts.actor import system_actor
from accounts.client_assertions import TYPE
from accounts.models import ClientApplication
from administration.services.applications import NewClient, create_client_application

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

DONE = "https://portal.example/done"
ENDPOINTS = ("/connect/token", "/connect/revoke", "/connect/introspect")
PAGES = ("/connect/login", "/connect/forgotten-password")
# Encodings in which somebody can write half of a surrogate pair, and one that is none of texts.
ENCODINGS = {"utf-7": b"+2AA-", "unicode_escape": b"\\ud800", "rot13": b"a"}
BASE = {
    "response_type": "code",
    "redirect_uri": DONE,
    "scope": "contacts.read",
    "code_challenge": "A" * 43,
    "code_challenge_method": "S256",
    "state": "s",
}
ODD = {
    "a client id with NUL": {"client_id": "a\0"},
    "a client that is none": {"client_id": "nobody"},
    "a port too high": {"redirect_uri": "https://portal.example:99999/done"},
    "half an address": {"redirect_uri": "https://[::1"},
    "a long nonce": {"nonce": "n" * 256},
    "a long challenge": {"code_challenge": "A" * 129},
    "a long method": {"code_challenge_method": "S" * 300},
    "a state with NUL": {"state": "a\0b"},
    "a resource with NUL": {"resource": "https://a/\0"},
    "a claim with NUL": {"claims": json.dumps({"id_token": {"a": "\0"}})},
}
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


@pytest.fixture
def portal() -> ClientApplication:
    target = {"grant": "authorization-code", "isPublic": True, "redirectUris": [DONE]}
    made = create_client_application(
        actor=system_actor("tests"), name="portal", scopes=["contacts.read"], target=target
    )
    return made.application


@pytest.fixture
def service() -> NewClient:
    return create_client_application(actor=system_actor("tests"), name="service", scopes=["introspection", "scim"])


@pytest.fixture
def stranger() -> Client:
    return Client(raise_request_exception=False)


def encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def assertion(subject: str) -> dict[str, str]:
    claims = json.dumps({"sub": subject}).encode()
    return {"client_assertion": f"a.{encoded(claims)}.c", "client_assertion_type": TYPE}


def multipart(stranger: Client, path: str, encoding: str, names: tuple[str, ...]) -> Any:
    parts = [
        b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), ENCODINGS[encoding])
        for name in names
    ]
    return stranger.generic(
        "POST", path, b"".join(parts) + b"--B--\r\n", f"multipart/form-data; boundary=B; charset={encoding}"
    )


@pytest.mark.parametrize("path", ENDPOINTS)
def test_endpoints_of_applications(stranger: Client, service: NewClient, path: str, case: Any) -> None:
    basic = {"authorization": f"Basic {base64.b64encode(b'a%00:x').decode()}"}
    own = {"client_id": service.application.client_id, "client_secret": service.client_secret}
    sent: dict[str, dict[str, str]] = {
        "a client id with NUL": {"client_id": "a\0b", "client_secret": "x"},
        "an assertion with NUL": assertion("a\0"),
        "an assertion with half of a pair": assertion("\ud800"),
        "a code with NUL": {**own, "grant_type": "authorization_code", "code": "a\0b"},
        "a token with NUL": {**own, "token": "a\0b", "refresh_token": "a\0b", "scope": "a\0"},
        "a name with NUL": {**own, "a\0": "b"},
    }
    for name, values in sent.items():
        with case(name):
            answer = stranger.post(path, {"grant_type": "client_credentials", "token": "x", **values})
            assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    with case("HTTP Basic with NUL"):
        answer = stranger.post(path, {"grant_type": "client_credentials", "token": "x"}, headers=basic)
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    with case("a query with NUL"):
        assert stranger.post(f"{path}?client_id=%00", own).status_code == 400


@pytest.mark.parametrize("path", [*ENDPOINTS, *PAGES])
def test_other_encodings(stranger: Client, path: str, case: Any) -> None:
    for encoding in ENCODINGS:
        with case(encoding):
            assert multipart(stranger, path, encoding, ("client_id", "username", "password")).status_code == 400
    for name in ("utf-8", "US-ASCII", "none-that-exists"):
        with case(name):
            answer = stranger.generic("POST", path, b"--B--\r\n", f"multipart/form-data; boundary=B; charset={name}")
            assert answer.status_code in (200, 400, 401)
            assert b"could not be understood" not in answer.content


def test_the_page_of_consent(
    stranger: Client, portal: ClientApplication, make_member: Any, admin_of: Any, case: Any
) -> None:
    anna = admin_of(make_member("anna"))
    anna.raise_request_exception = False
    base = {**BASE, "client_id": portal.client_id}
    page = f"/connect/authorize?{urlencode(base)}"
    for name, odd in ODD.items():
        address = f"/connect/authorize?{urlencode({**base, **odd})}"
        for who, browser in (("anonymous", stranger), ("anna", anna)):
            with case(who, "reads", name):
                assert browser.get(address).status_code < 500
        with case("sends", name):
            assert anna.post(page, {**base, "allow": "Allow", **odd}).status_code < 500
    with case("what is long enough"):
        answer = anna.post(page, {**base, "allow": "Allow", "nonce": "n" * 255, "code_challenge": "A" * 128})
        assert (answer.status_code, "code=" in answer["Location"]) == (302, True)


def test_the_directory(service: NewClient, api_of: Any, case: Any) -> None:
    directory = api_of(service.application, scopes=["scim"])
    filters = {
        "NUL": 'userName eq "\\u0000"',
        "half of a pair": 'userName eq "\\ud800"',
        "an external id with NUL": 'externalId eq "\\u0000"',
        "a group's name with NUL": 'displayName eq "\\u0000"',
        "an id of many digits": f'id eq "{"9" * 5000}"',
        "a member of many digits": f'members eq "{"9" * 5000}"',
        "a time before all": 'meta.created gt "0001-01-01T00:00:00+12:00"',
        "a time after all": 'meta.created gt "9999-12-31T23:59:59-12:00"',
    }
    for path in ("/scim/v2/Users", "/scim/v2/Groups"):
        for name, text in filters.items():
            with case(path, name):
                assert directory.get(f"{path}?{urlencode({'filter': text})}").status in (200, 400)
        for start in ("9" * 18, "9" * 30, "9" * 5000):
            with case(path, "start", len(start)):
                assert directory.get(f"{path}?startIndex={start}").status in (200, 400)
        with case(path, "a path of many digits"):
            assert directory.get(f"{path}/{'9' * 5000}").status == 404
    for value, status in (("9" * 5000, 400), ("9" * 30, 400), ("9" * 10, 404)):
        with case("a member of", len(value), "digits"):
            body = {"schemas": [GROUP], "displayName": "Group", "members": [{"value": value}]}
            assert directory.post("/scim/v2/Groups", body).status == status


def test_keys_of_an_application(make_member: Any, admin_of: Any, case: Any) -> None:
    browser = admin_of(make_member("root", is_superuser=True))
    browser.raise_request_exception = False
    owner = make_member("olga").pk
    form = {"purpose": "service", "allowed_scopes": ["contacts.read"], "participants": [], "owner": owner}
    point = {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    }
    keys = {
        "nested": "[" * 100_000,
        "an id with NUL": json.dumps({**point, "kid": "a\0"}),
        "an id with half of a pair": json.dumps({**point, "kid": "\ud800"}),
        "a coordinate with NUL": json.dumps({**point, "x": point["x"] + "\0"}),
    }
    for name, text in keys.items():
        with case(name):
            answer = browser.post("/admin/accounts/clientapplication/add/", {**form, "name": "signer", "keys": text})
            assert (answer.status_code, ClientApplication.objects.count()) == (200, 0)


def test_what_the_database_refuses_is_an_error_of_the_caller(
    make_member: Any, make_contact: Any, admin_of: Any, api_of: Any, app: Any, default_schemas: Any, case: Any
) -> None:
    contact = make_contact()
    browser = admin_of(make_member("root", is_superuser=True))
    browser.raise_request_exception = False
    for odd in ("%00", "a%00b", "9" * 30, "%ED%A0%80"):
        for path in (
            f"/v1.0/contacts/external-connections/{odd}/{odd}",
            f"/v1.0/contacts/external-connections/Default/{odd}",
            f"/v1.1/contacts/{contact.pk}/details/change-history/search?paths={odd}",
            f"/v1.0/schemas/{odd}",
        ):
            with case(path):
                assert app.get(path).status in (200, 400, 404)
        for model, model_admin in admin.site._registry.items():
            listed = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            names = {"q", "o", "p", "nothing"} | {
                getattr(found, "parameter_name", None) or str(found)
                for entry in model_admin.list_filter
                for found in [entry[0] if isinstance(entry, tuple) else entry]
            }
            for name in sorted(names):
                with case(listed, name, odd):
                    assert browser.get(f"{listed}?{name}={odd}").status_code < 500
            with case(listed, "page", odd):
                assert browser.get(f"{listed}{odd}/change/").status_code < 500
        asked = {"app_label": "accounts", "model_name": "clientapplication", "field_name": "owner", "term": odd}
        for address in (
            "/admin/autocomplete/?" + "&".join(f"{name}={value}" for name, value in asked.items()),
            "/admin/autocomplete/?" + "&".join(f"{name}={odd}" for name in asked),
        ):
            with case(address):
                assert browser.get(address).status_code < 500


def test_what_nobody_foresaw_is_no_error_of_ours_either(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_values: Any) -> None:
        raise DataError

    monkeypatch.setattr("contacts.views.contacts.connection_holder", refused)
    answer = app.get("/v1.0/contacts/external-connections/Default/1")
    assert (answer.status, answer.json["code"]) == (400, "BadRequest")
