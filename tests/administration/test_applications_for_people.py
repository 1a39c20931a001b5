"""Applications that act for people, rotate their secrets or sign with their own key."""

import json
import time
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from jwcrypto.jwk import JWK
from jwcrypto.jwt import JWT
from oauth2_provider.models import AccessToken, RefreshToken

from accounts.actor import member_actor, system_actor
from accounts.models import ClientApplication, Member, Notice
from accounts.services import issue_token
from administration.applications import APPLICATION
from administration.services.applications import change_application, create_client_application
from administration.services.secrets import collect_secret, end_secret
from audit.models import Entry
from core.errors import Forbidden
from tests.administration.applications import collect, form, page, register, text_of, token
from tests.administration.approving import approve, waiting
from tests.api import Api

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
DONE = "https://portal.example/done"


def web(owner: Member, **changed: Any) -> dict[str, Any]:
    return form(owner, purpose="server", allowed_scopes=["contacts.read"], redirect_uris=DONE, **changed)


# ---- registering


def test_an_application_for_people_waits_and_its_reviewer_sees_where_people_return_to(
    browser: Client, carl: Member, olga: Member, admin_of: Any
) -> None:
    sent = web(olga, allowed_origins="https://portal.example")
    browser.post("/admin/accounts/clientapplication/add/", sent)
    application = ClientApplication.objects.get()
    assert (application.redirect_uris, application.allowed_scopes) == ("", "")
    request = waiting()
    assert request.paths == ["grant", "isSecretDue", "origins", "owner", "redirectUris", "scopes"]
    shown = text_of(admin_of(carl).get(f"/admin/changerequests/changerequest/{request.pk}/change/"))
    assert all(said in shown for said in (DONE, "https://portal.example", "for people (authorization code)"))
    approve(carl, request)
    application.refresh_from_db()
    assert application.acts_for_people
    assert not application.is_public
    assert (application.redirect_uris, application.allowed_origins) == (DONE, "https://portal.example")
    assert collect(admin_of(olga), application) is not None


def test_a_public_application_has_no_secret_to_collect(browser: Client, carl: Member, olga: Member) -> None:
    browser.post("/admin/accounts/clientapplication/add/", {**web(olga), "purpose": "browser"})
    assert waiting().paths == ["grant", "isPublic", "owner", "redirectUris", "scopes"]
    approve(carl, waiting())
    application = ClientApplication.objects.get()
    assert (application.is_public, application.is_secret_due) == (True, False)
    assert not Notice.objects.filter(kind=Notice.Kind.SECRET_DUE).exists()


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("redirect_uris", {"redirect_uris": ""}),
        ("redirect_uris", {"redirect_uris": "http://portal.example/done"}),
        ("redirect_uris", {"redirect_uris": "https://portal.example/*"}),
        ("redirect_uris", {"redirect_uris": "https://portal.example/done#top"}),
        ("redirect_uris", {"redirect_uris": "https://me@portal.example/done"}),
        ("redirect_uris", {"redirect_uris": "javascript:alert(1)"}),
        ("redirect_uris", {"redirect_uris": "https://portal.example/;\u00e4"}),
        ("redirect_uris", {"purpose": "service"}),
        ("allowed_origins", {"allowed_origins": "https://portal.example/"}),
        ("allowed_origins", {"allowed_origins": "https://Portal.example"}),
        ("allowed_origins", {"allowed_origins": "https://portal.example:443"}),
        ("allowed_origins", {"allowed_origins": "*"}),
        ("carries_decisions", {"carries_decisions": "on"}),
        ("keys", {"keys": "{"}),
        ("keys", {"keys": json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]})}),
        ("keys", {"keys": JWK.generate(kty="RSA", size=1024).export_public()}),
        ("keys", {"keys": JWK.generate(kty="EC", crv="P-384").export_public()}),
        ("keys", {"keys": JWK.generate(kty="EC", crv="P-256").export()}),
        ("keys", {"purpose": "browser", "keys": JWK.generate(kty="EC", crv="P-256").export_public()}),
    ],
)
def test_what_is_wrong_is_said_at_its_field(browser: Client, olga: Member, field: str, changed: dict[str, Any]) -> None:
    answer = browser.post("/admin/accounts/clientapplication/add/", {**web(olga), **changed})
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not ClientApplication.objects.exists()


@pytest.fixture
def portal() -> ClientApplication:
    return create_client_application(
        actor=system_actor("tests"),
        name="portal",
        scopes=["contacts.read", "change-requests.write"],
        target={
            "grant": "authorization-code",
            "redirectUris": [DONE, "http://127.0.0.1/done"],
            "origins": ["https://portal.example"],
            "carriesDecisions": True,
        },
    ).application


def test_addresses_origins_and_the_right_to_carry_decisions_are_given_by_two_and_taken_by_one(
    clerk: Member, carl: Member, portal: ClientApplication
) -> None:
    actor, added = member_actor(clerk), [DONE, "https://portal.example/other"]
    taken = {"redirectUris": [DONE], "origins": [], "carriesDecisions": False}
    assert change_application(actor=actor, application_id=portal.pk, target=taken).request is None
    portal.refresh_from_db()
    assert (portal.redirect_uris, portal.allowed_origins, portal.carries_decisions) == (DONE, "", False)
    given = {"redirectUris": added, "origins": ["https://portal.example"], "carriesDecisions": True}
    request = change_application(actor=actor, application_id=portal.pk, target=given).request
    portal.refresh_from_db()
    assert (portal.redirect_uris, portal.allowed_origins, portal.carries_decisions) == (DONE, "", False)
    assert request is not None
    approve(carl, request)
    portal.refresh_from_db()
    assert (portal.redirect_uris.split(), portal.carries_decisions) == (added, True)


# ---- what ends with what is taken away


@pytest.fixture
def anna(make_member: Any) -> Member:
    return make_member("anna", sees_all_contacts=True)


def tokens_of(portal: ClientApplication, member: Member, scope: str) -> str:
    """Return an access token that the application got for a member, with its refresh token beside it."""
    bearer = issue_token(actor=system_actor("tests"), user=member.user, scopes=scope.split())
    issued = AccessToken.objects.latest("pk")
    issued.application = portal
    issued.save()
    RefreshToken.objects.create(
        user=member.user, application=portal, access_token=issued, token_family=uuid4(), token=str(issued.pk)
    )
    return bearer


def test_a_scope_that_is_taken_ends_the_tokens_that_hold_it_and_closing_ends_all(
    clerk: Member, portal: ClientApplication, anna: Member, make_contact: Any
) -> None:
    path = f"/v1.0/contacts/{make_contact().pk}/details"
    reads, decides = (
        tokens_of(portal, anna, scope) for scope in ("contacts.read", "contacts.read change-requests.write")
    )
    taken = {"scopes": ["contacts.read"], "carriesDecisions": False}
    change_application(actor=member_actor(clerk), application_id=portal.pk, target=taken)
    assert (Api(reads).get(path).status, Api(decides).get(path).status) == (200, 401)
    assert RefreshToken.objects.filter(revoked=None).count() == 1
    change_application(actor=member_actor(clerk), application_id=portal.pk, target={"scopes": []})
    assert Api(reads).get(path).status == 401
    assert Client().post("/connect/token", {"client_id": portal.client_id}).status_code in (400, 401)
    assert not RefreshToken.objects.filter(revoked=None).exists()


# ---- secrets


@pytest.fixture
def service(browser: Client, carl: Member, olga: Member) -> ClientApplication:
    application = register(browser, olga, name="crm")
    approve(carl, waiting())
    return application


def ask_for_another(clerk: Member, carl: Member, application: ClientApplication, owner: Member) -> None:
    target = {"isSecretDue": True, "owner": owner.pk}
    change_application(actor=member_actor(clerk), application_id=application.pk, target=target)
    approve(carl, waiting())


def test_both_holders_are_known_while_both_secrets_work(
    service: ClientApplication, clerk: Member, carl: Member, olga: Member, make_member: Any, settings: Any
) -> None:
    other = make_member("other")
    collect_secret(actor=member_actor(olga), application_id=service.pk)
    ask_for_another(clerk, carl, service, other)
    collect_secret(actor=member_actor(other), application_id=service.pk)
    service.refresh_from_db()
    assert service.secret_holders == {olga.pk, other.pk}
    # A token that came by the secret before still works for a while.
    service.previous_secret_until = timezone.now()
    assert service.secret_holders == {olga.pk, other.pk}
    settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, "ACCESS_TOKEN_EXPIRE_SECONDS": 0}
    assert service.secret_holders == {other.pk}


def test_a_secret_is_ended_at_once_by_who_may_change_the_application_or_owns_it(
    service: ClientApplication, browser: Client, clerk: Member, carl: Member, olga: Member, admin_of: Any, api_of: Any
) -> None:
    old = collect(admin_of(olga), service) or ""
    ask_for_another(clerk, carl, service, olga)
    new = collect(admin_of(olga), service) or ""
    bearer = token(service, old)
    assert bearer is not None
    with pytest.raises(Forbidden):
        end_secret(actor=member_actor(carl), application_id=service.pk, is_previous=True)
    browser.post(f"/admin/accounts/clientapplication/{service.pk}/secret/end/", {"which": "previous"})
    assert (token(service, old), token(service, new) is None) == (None, False)
    assert type(api_of(olga))(bearer).get("/v1.0/contacts/1/details").status == 401
    assert not end_secret(actor=member_actor(clerk), application_id=service.pk, is_previous=True)
    admin_of(olga).post(f"/admin/accounts/clientapplication/{service.pk}/secret/end/", {"which": "present"})
    assert token(service, new) is None
    service.refresh_from_db()
    assert (service.secret_collected_at, service.secret_holders) == (None, frozenset())
    paths = (
        Entry.objects.filter(kind=APPLICATION, subject_id=service.pk).order_by("-pk").values_list("paths", flat=True)
    )
    assert list(paths[:2]) == [["secret"], ["previousSecret"]]
    assert "Nobody has collected a secret" in text_of(browser.get(page(service)))


# ---- a key of its own


KEY = JWK.generate(kty="EC", crv="P-256", kid="first")
RSA = JWK.generate(kty="RSA", size=2048, kid="second")


def assertion(application: ClientApplication, key: JWK = KEY, *, alg: str = "", **changed: Any) -> str:
    name = application.client_id
    claims = {
        "iss": name,
        "sub": name,
        "aud": "http://testserver",
        "jti": uuid4().hex,
        "exp": time.time() + 60,
        **changed,
    }
    header = {"alg": alg or ("ES256" if key.get("kty") == "EC" else "RS256"), "kid": key.get("kid")}
    signed = JWT(header=header, claims={name: value for name, value in claims.items() if value is not None})
    signed.make_signed_token(key)
    return str(signed.serialize())


def asked(signed: str, **changed: str) -> Any:
    sent = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed,
        **changed,
    }
    return Client().post("/connect/token", sent)


@pytest.fixture
def signing() -> ClientApplication:
    keys = [key.export_public(as_dict=True) for key in (KEY, RSA)]
    target = {"publicKeys": keys}
    return create_client_application(
        actor=system_actor("tests"), name="signing", scopes=["contacts.read"], target=target
    ).application


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://elsewhere.example"},
        {"aud": None},
        {"iss": "somebody"},
        {"sub": "somebody"},
        {"exp": None},
        {"exp": 1},
        {"exp": time.time() + 7200},
        {"exp": "tomorrow"},
        {"nbf": time.time() + 86_400},
        {"jti": None},
        {"jti": ""},
        {"key": JWK.generate(kty="EC", crv="P-256", kid="first")},
        {"key": RSA, "alg": "PS256"},
        {"key": JWK.generate(kty="oct", size=256, kid="first"), "alg": "HS256"},
    ],
)
def test_an_assertion_that_proves_nothing_is_refused(signing: ClientApplication, changed: dict[str, Any]) -> None:
    changed = dict(changed)
    key = changed.pop("key", KEY)
    answer = asked(assertion(signing, key, **changed))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_assertion_counts_once_and_by_itself(signing: ClientApplication) -> None:
    signed = assertion(signing)
    assert asked(signed, client_secret="guess").status_code == 401
    assert asked(signed, client_id="other").status_code == 400
    assert asked(signed, client_assertion_type="other").status_code == 401
    assert asked("x" * 10_000).status_code == 401
    assert asked(f"e30.{'W' * 6_000}.e30").status_code == 401
    assert asked(signed, client_id=signing.client_id).status_code == 200
    assert asked(signed).status_code == 401
    for key, audience in ((RSA, "http://testserver/connect/token"), (KEY, ["http://testserver"])):
        assert asked(assertion(signing, key, aud=audience)).status_code == 200
    # A key that is taken away ends the tokens that came by it.
    only = {"publicKeys": [KEY.export_public(as_dict=True)]}
    change_application(actor=system_actor("tests"), application_id=signing.pk, target=only)
    assert not AccessToken.objects.filter(application=signing).exists()
    assert asked(assertion(signing, RSA)).status_code == 401
    assert asked(assertion(signing)).status_code == 200


def test_who_asks_for_a_key_decides_nothing_for_the_application(
    clerk: Member, carl: Member, signing: ClientApplication, admin_of: Any
) -> None:
    """Who has the private key, if not who asked for the public one?"""
    mine = JWK.generate(kty="EC", crv="P-256", kid="third").export_public(as_dict=True)
    target = {"publicKeys": [KEY.export_public(as_dict=True), mine]}
    request = change_application(actor=member_actor(clerk), application_id=signing.pk, target=target).request
    assert request is not None
    shown = text_of(admin_of(carl).get(f"/admin/changerequests/changerequest/{request.pk}/change/"))
    assert f"third · ES256 · {JWK(**mine).thumbprint()}" in shown
    approve(carl, request)
    signing.refresh_from_db()
    assert signing.secret_holders == {clerk.pk}


# ---- by a command


def created_by_command(*arguments: str) -> tuple[dict[str, str], ClientApplication]:
    out = StringIO()
    call_command("create_client_app", "portal", "--scopes", "contacts.read", *arguments, stdout=out)
    return json.loads(out.getvalue()), ClientApplication.objects.get(name="portal")


def test_a_command_registers_an_application_for_people(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not an address with https"):
        created_by_command("--redirect-uri", "http://portal.example/")
    with pytest.raises(CommandError, match="has to authenticate itself"):
        created_by_command("--public")
    with pytest.raises(CommandError, match="is no key set"):
        created_by_command("--public-keys", str(tmp_path / "none"))
    printed, application = created_by_command("--redirect-uri", DONE, "--public", "--origin", "https://portal.example")
    assert set(printed) == {"client_id"}
    assert (application.is_public, application.redirect_uris) == (True, DONE)


def test_a_command_registers_an_application_that_signs(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [KEY.export_public(as_dict=True)]}))
    printed, application = created_by_command("--public-keys", str(keys))
    assert set(printed) == {"client_id"}
    assert asked(assertion(application)).status_code == 200
