"""What programs find out about the authorization server and tokens, and calls from pages of other origins."""

from base64 import b64encode
from typing import Any

import pytest
from django.test import Client

from accounts.actor import system_actor
from accounts.cross_origin import forget_origins
from accounts.models import ClientApplication
from administration.services.applications import NewClient, create_client_application
from tests.api import Api

pytestmark = pytest.mark.django_db
PORTAL = "https://portal.example"


@pytest.fixture
def portal() -> ClientApplication:
    forget_origins()
    return create_client_application(
        actor=system_actor("tests"),
        name="portal",
        scopes=["contacts.read"],
        target={
            "grant": "authorization-code",
            "isPublic": True,
            "redirectUris": [f"{PORTAL}/done"],
            "origins": [PORTAL],
        },
    ).application


# ---- discovery


def test_discovery_names_what_there_is(settings: Any) -> None:
    answer = Client().get("/.well-known/oauth-authorization-server")
    found = answer.json()
    assert (found["issuer"], answer["Access-Control-Allow-Origin"]) == ("http://testserver", "*")
    for name in ("token", "revocation", "introspection"):
        address = found[f"{name}_endpoint"].removeprefix(found["issuer"])
        assert Client().post(address).status_code in (400, 401)
        assert "private_key_jwt" in found[f"{name}_endpoint_auth_methods_supported"]
    assert Client().get(found["authorization_endpoint"].removeprefix(found["issuer"])).status_code == 302
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert not {"implicit", "password"} & set(found["grant_types_supported"])
    settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, "OIDC_ISS_ENDPOINT": "https://kontor.example"}
    found = Client().get("/.well-known/oauth-authorization-server").json()
    assert (found["issuer"], found["token_endpoint"]) == (
        "https://kontor.example",
        "https://kontor.example/connect/token",
    )


# ---- what a refusal says


def test_a_refusal_says_whether_the_token_or_its_scope_is_at_fault(make_member: Any, api_of: Any) -> None:
    path = "/v1.0/contacts/1/details"
    assert Api().get(path).headers["WWW-Authenticate"] == "Bearer"
    assert Api("guess").get(path).headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    refused = api_of(make_member(), scopes=["exports"]).get(path)
    assert refused.status == 403
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="contacts.read"'


# ---- introspection


def basic(client: NewClient, secret: str = "") -> dict[str, str]:
    named = f"{client.application.client_id}:{secret or client.client_secret}"
    return {"authorization": f"Basic {b64encode(named.encode()).decode()}"}


@pytest.fixture
def gateway() -> NewClient:
    return create_client_application(actor=system_actor("tests"), name="gateway", scopes=["introspection"])


def described(token: str, headers: dict[str, str]) -> Any:
    return Client().post("/connect/introspect", {"token": token}, headers=headers)


def test_who_may_not_ask_learns_nothing_of_a_token(gateway: NewClient, portal: ClientApplication, api_of: Any) -> None:
    other = create_client_application(actor=system_actor("tests"), name="other", scopes=["contacts.read"])
    bearer = api_of(other.application).token
    assert described(bearer, {}).status_code == 401
    assert described(bearer, basic(gateway, "guess")).status_code == 401
    assert described(bearer, {"authorization": f"Bearer {bearer}"}).status_code == 401
    answer = described(bearer, basic(other))
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    ClientApplication.objects.filter(pk=portal.pk).update(allowed_scopes="introspection")
    assert Client().post("/connect/introspect", {"token": bearer, "client_id": portal.client_id}).status_code == 401


def test_a_confidential_application_with_the_scope_learns_what_a_token_is_good_for(
    gateway: NewClient, make_member: Any, make_contact: Any, api_of: Any
) -> None:
    member = make_member("anna")
    found = described(api_of(member, scopes=["contacts.read"]).token, basic(gateway)).json()
    assert (found["active"], found["scope"], found["username"]) == (True, "contacts.read", "anna")
    assert found["sub"] == str(member.uid)
    found = described(api_of(gateway.application, scopes=["introspection"]).token, basic(gateway)).json()
    assert (found["client_id"], "username" in found) == (gateway.application.client_id, False)
    bearer = api_of(member).token
    member.user.__class__.objects.update(is_active=False)
    for token in (bearer, "guess", ""):
        answer = described(token, basic(gateway))
        assert (answer.json(), answer["Cache-Control"]) == ({"active": False}, "no-store")


# ---- pages of other origins


def preflight(path: str, origin: str) -> Any:
    return Client().options(path, headers={"origin": origin, "access-control-request-method": "POST"})


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://portal.example",
        "https://portal.example:8443",
        "https://portal.example.evil.example",
        "https://xportal.example",
        "https://PORTAL.example",
        "null",
        "",
    ],
)
def test_a_page_of_an_origin_that_is_not_registered_gets_no_leave(portal: ClientApplication, origin: str) -> None:
    for path in ("/connect/token", "/v1.0/contacts/search"):
        for answer in (preflight(path, origin), Client().post(path, headers={"origin": origin})):
            assert "Access-Control-Allow-Origin" not in answer
            assert "Origin" in answer["Vary"]


def test_pages_of_registered_origins_call_the_api_and_get_tokens(
    portal: ClientApplication, count_queries: Any, make_contact: Any, api_of: Any, make_app: Any
) -> None:
    for path in ("/connect/token", "/connect/revoke", "/v1.0/contacts/search", "/graphql"):
        with count_queries() as queries:
            answer = preflight(path, PORTAL)
        assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (204, PORTAL)
        assert "Authorization" in answer["Access-Control-Allow-Headers"]
        assert len(queries) <= (path == "/connect/token")
        called = Client().post(path, headers={"origin": PORTAL})
        assert called["Access-Control-Allow-Origin"] == PORTAL
        assert "ETag" in called["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in called
    # Pages for people are called by nobody else.
    for path in ("/connect/authorize", "/connect/login", "/admin/", "/connect/introspect"):
        assert "Access-Control-Allow-Origin" not in Client().get(path, headers={"origin": PORTAL})
    path, api = f"/v1.0/contacts/{make_contact().pk}/details", api_of(make_app())
    api.get(path)
    with count_queries() as plain:
        api.get(path)
    with count_queries() as from_a_page:
        assert api.get(path, origin=PORTAL).headers["Access-Control-Allow-Origin"] == PORTAL
    assert len(from_a_page) == len(plain)


def test_the_origins_of_a_closed_application_do_not_count(portal: ClientApplication) -> None:
    ClientApplication.objects.update(allowed_scopes="")
    assert "Access-Control-Allow-Origin" not in preflight("/connect/token", PORTAL)
