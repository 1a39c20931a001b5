"""Single sign-on: who comes in from an identity provider, as whom, with which second factor, and out again."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.contrib.sessions.models import Session
from django.core.checks import run_checks
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from accounts.models import LogoutToken, Member, ProviderIdentity, ProviderSession, User
from accounts.sso.client import KEYS_KEPT_SECONDS, client_of
from accounts.sso.providers import all_providers
from accounts.sso.services import forget_provider_sessions
from accounts.sso.views import SIGNED_IN
from tests.accounts.identity_provider import CLIENT, SECRET, IdentityProvider, new_key

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

LOGIN, CALLBACK = "/connect/sso/bank/login?next=/admin/contacts/contact/", "/connect/sso/bank/callback"
BACK_CHANNEL = "/connect/sso/bank/logout"


@pytest.fixture(scope="module")
def running() -> Iterator[IdentityProvider]:
    provider = IdentityProvider()
    with provider.running():
        yield provider


@pytest.fixture
def provider(running: IdentityProvider, settings: Any) -> IdentityProvider:
    """A provider that knows `anna-at-the-bank`, and that is set up here."""
    running.reset()
    running.claims = {"sub": "anna-at-the-bank", "sid": "session-1", "groups": []}
    settings.OIDC_PROVIDERS = [running.settings()]
    return running


@pytest.fixture
def anna(make_member: Any, provider: IdentityProvider) -> Member:
    member: Member = make_member("anna", permissions=["view_contact"])
    ProviderIdentity.objects.create(user=member.user, issuer=provider.issuer, subject="anna-at-the-bank")
    return member


def come(provider: IdentityProvider, browser: Client | None = None, **changed: str) -> tuple[Client, Any]:
    """Return a browser that has been at the provider, and the answer to what it brings from there."""
    browser = browser or Client()
    away = browser.get(LOGIN)
    assert away.status_code == 302, away.content
    return browser, browser.get(provider.authorize(away["Location"], **changed))


def is_in(browser: Client) -> bool:
    return browser.get("/admin/").status_code == 200


# ---- who does not come in


def test_who_is_not_linked_gets_a_page_that_says_whom_to_ask(
    provider: IdentityProvider, make_member: Any, settings: Any
) -> None:
    """Neither by the name nor by the address that the provider asserts."""
    settings.SSO_HELP = "Ask the helpdesk, extension 117."
    member = make_member("anna")
    User.objects.filter(pk=member.user_id).update(email="anna@bank.example")
    provider.claims |= {"email": "anna@bank.example", "email_verified": True, "preferred_username": "anna"}
    browser, answer = come(provider)
    assert (answer.status_code, is_in(browser)) == (403, False)
    page = answer.content.decode()
    for text in ("No login here is linked to you", "anna-at-the-bank", provider.issuer, "extension 117"):
        assert text in page
    assert not ProviderIdentity.objects.exists()


@pytest.mark.parametrize("closed", [{"is_active": False}, {"is_staff": False}])
def test_a_login_that_is_closed_or_not_of_staff_does_not_come_in(
    provider: IdentityProvider, anna: Member, closed: dict[str, bool]
) -> None:
    User.objects.filter(pk=anna.user_id).update(**closed)
    if "is_staff" in closed:
        Member.objects.filter(pk=anna.pk).delete()
    browser, answer = come(provider)
    assert (answer.status_code, is_in(browser)) == (403, False)


def test_an_id_token_that_is_not_for_this_login_lets_nobody_in(
    provider: IdentityProvider, anna: Member, case: Any
) -> None:
    own, now = dict(provider.claims), int(time.time())
    assert is_in(come(provider)[0])
    for claims in (
        {"nonce": "that-of-another-login"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"aud": None},
        {"azp": "another-client"},
        {"iss": "https://another.example"},
        {"iss": None},
        {"sub": None},
        {"exp": now - 3600},
        {"exp": None},
        {"iat": now + 3600},
        {"nbf": now + 3600},
    ):
        with case(claims):
            provider.claims = {**own, **claims}
            browser, answer = come(provider)
            assert (answer.status_code, is_in(browser)) == (403, False)


def test_an_id_token_that_the_provider_has_not_signed_lets_nobody_in(
    provider: IdentityProvider, anna: Member, case: Any
) -> None:
    """Even if the provider's metadata allow unsigned tokens, or ones signed with the client secret."""
    assert is_in(come(provider)[0])
    keys = {
        "RS256": RSAKey.generate_key(2048, {"kid": provider.published.kid}),
        "HS256": OctKey.import_key(SECRET, {"kid": provider.published.kid}),
        "none": provider.published,
    }
    for algorithm, key in keys.items():
        with case(algorithm):
            provider.algorithm, provider.key = algorithm, key
            browser, answer = come(provider)
            assert (answer.status_code, is_in(browser)) == (403, False)


def test_a_new_key_of_the_provider_is_found(provider: IdentityProvider, anna: Member) -> None:
    come(provider)
    provider.key = provider.published = new_key()
    assert is_in(come(provider)[0])


def test_a_key_that_the_provider_has_withdrawn_is_forgotten(
    provider: IdentityProvider, anna: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    come(provider)
    provider.published = new_key()
    later = time.time() + KEYS_KEPT_SECONDS
    monkeypatch.setattr("accounts.sso.client.time.time", lambda: later)
    assert not is_in(come(provider)[0])


def test_what_comes_from_elsewhere_lets_nobody_in(provider: IdentityProvider, anna: Member, case: Any) -> None:
    thief, victim = Client(), Client()
    address = provider.authorize(thief.get(LOGIN)["Location"])
    foreign = provider.issuer.replace("127.0.0.1", "another.example")
    with case("the code of another browser"):
        assert victim.get(address).status_code == 400
        assert not is_in(victim)
    with case("a state that nobody asked with"):
        browser, answer = come(provider, state="made-up")
        assert (answer.status_code, is_in(browser)) == (400, False)
    with case("the response of another provider"):
        browser, answer = come(provider, iss=foreign)
        assert (answer.status_code, is_in(browser)) == (403, False)
    with case("the provider refuses"):
        browser, answer = come(provider, error="access_denied")
        assert (answer.status_code, is_in(browser)) == (403, False)
    with case("the same response twice"):
        browser = Client()
        address = provider.authorize(browser.get(LOGIN)["Location"])
        assert [browser.get(address).status_code for _time in range(2)] == [302, 400]


def test_metadata_of_another_issuer_are_not_used(provider: IdentityProvider, anna: Member, settings: Any) -> None:
    provider.metadata = {"issuer": "https://another.example"}
    settings.OIDC_PROVIDERS = [provider.settings(client_id="not-read-before")]
    assert Client().get(LOGIN).status_code == 503


def test_a_provider_that_does_not_answer_is_said_to_be_the_cause(provider: IdentityProvider, settings: Any) -> None:
    settings.OIDC_PROVIDERS = [provider.settings(issuer="http://127.0.0.1:9")]
    answer = Client().get(LOGIN)
    assert answer.status_code == 503
    assert b"Bank is not responding correctly" in answer.content


def test_a_provider_that_is_not_set_up_is_not_there(provider: IdentityProvider) -> None:
    assert Client().get("/connect/sso/other/login").status_code == 404
    assert Client().get("/connect/sso/other/callback").status_code == 404
    assert Client().post("/connect/sso/other/logout").status_code == 404


# ---- who comes in


def test_who_is_linked_comes_in_and_goes_on(provider: IdentityProvider, anna: Member) -> None:
    browser, answer = come(provider)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/contacts/contact/")
    assert is_in(browser)
    assert int(browser.session["_auth_user_id"]) == anna.user_id
    asked = provider.asked
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["scope"] == "openid"
    assert len(asked["nonce"]) >= 20
    assert provider.token_requests[-1]["authorization"].startswith("Basic ")


def test_nobody_is_led_to_another_site(provider: IdentityProvider, anna: Member) -> None:
    browser = Client()
    away = browser.get("/connect/sso/bank/login?next=https://evil.example/")
    assert browser.get(provider.authorize(away["Location"]))["Location"] == "/admin/"


def test_the_session_is_another_one_after_the_login(provider: IdentityProvider, anna: Member) -> None:
    browser = Client()
    browser.get(LOGIN)
    planted = browser.session.session_key
    come(provider, browser)
    assert browser.session.session_key != planted
    assert not Session.objects.filter(pk=planted).exists()


def test_a_private_key_takes_the_place_of_the_secret(provider: IdentityProvider, anna: Member, settings: Any) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    settings.OIDC_PROVIDERS = [provider.settings(client_secret="", private_key=pem)]
    assert is_in(come(provider)[0])
    sent = provider.token_requests[-1]
    assertion = jwt.decode(sent["client_assertion"], ECKey.import_key(pem), algorithms=["ES256"]).claims
    assert (assertion["iss"], assertion["sub"], sent["authorization"]) == (CLIENT, CLIENT, "")


# ---- the second factor


def test_what_the_provider_vouches_for_is_the_second_factor(
    provider: IdentityProvider, anna: Member, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    TOTPDevice.objects.create(user=anna.user, name="authenticator", confirmed=True)
    settings.OIDC_PROVIDERS = [provider.settings(acr_values=("phr", "phrh"), amr_values=("mfa",))]
    for claims in ({"acr": "phrh"}, {"acr": "0", "amr": ["pwd", "mfa"]}):
        provider.claims |= claims
        assert is_in(come(provider)[0])
    assert provider.asked["acr_values"] == "phr phrh"


def test_without_it_ours_is_asked_for(provider: IdentityProvider, anna: Member, settings: Any, case: Any) -> None:
    device = TOTPDevice.objects.create(user=anna.user, name="authenticator", confirmed=True)
    vouching = provider.settings(acr_values=("phr",))
    for name, provider_settings, claims in (
        ("another acr", vouching, {"acr": "0"}),
        ("none", vouching, {}),
        ("an acr that the settings do not name", provider.settings(), {"acr": "phr", "amr": ["mfa"]}),
    ):
        with case(name):
            settings.OIDC_PROVIDERS = [provider_settings]
            provider.claims = {"sub": "anna-at-the-bank", "groups": [], **claims}
            browser, answer = come(provider)
            assert answer["Location"].startswith("/connect/second-factor?")
            assert not is_in(browser)
    device.delete()
    with case("where there is none it is set up"):
        settings.OIDC_PROVIDERS = [vouching]
        provider.claims["acr"] = "0"
        browser, answer = come(provider)
        assert answer["Location"].startswith("/connect/second-factor/setup?")
        assert not is_in(browser)


def test_a_provider_that_has_to_ask_for_it_and_has_not_lets_nobody_in(
    provider: IdentityProvider, anna: Member, settings: Any
) -> None:
    settings.OIDC_PROVIDERS = [provider.settings(acr_values=("phr",), is_factor_required=True)]
    browser, answer = come(provider)
    assert (answer.status_code, is_in(browser)) == (403, False)
    assert b"did not require a second factor" in answer.content
    assert not ProviderSession.objects.exists()
    provider.claims["acr"] = "phr"
    assert is_in(come(provider)[0])


# ---- local login


@pytest.mark.parametrize(("allowed", "comes_in"), [("staff", True), ("superusers", False), ("Break glass", False)])
def test_a_setting_says_who_of_the_staff_may_use_a_password(
    anna: Member, make_member: Any, settings: Any, allowed: str, comes_in: bool
) -> None:
    settings.LOCAL_LOGIN = allowed
    root = make_member("root", is_superuser=True)
    root.user.groups.create(name="Break glass")
    for username, expected in (("anna", comes_in), ("root", True)):
        browser = Client()
        answer = browser.post("/connect/login", {"username": username, "password": "secret-for-tests"})
        assert is_in(browser) is expected
        assert (b"requires you to log in through its identity provider" in answer.content) is not expected


def test_clients_are_not_staff_and_go_on_using_their_password(make_contact: Any, settings: Any) -> None:
    settings.LOCAL_LOGIN = "superusers"
    user = User.objects.create_user("client", password="secret-for-tests")
    answer = Client().post("/connect/login", {"username": user.username, "password": "secret-for-tests"})
    assert answer.status_code == 302


# ---- out again


def test_logging_out_leads_on_to_the_provider(provider: IdentityProvider, anna: Member) -> None:
    browser, _answer = come(provider)
    hint = browser.session[SIGNED_IN]["id_token"]
    page = browser.post("/admin/logout/")
    assert not is_in(browser)
    for part in (f"{provider.issuer}/logout?", f"id_token_hint={hint}", "post_logout_redirect_uri=", "http-equiv"):
        assert part in page.content.decode()


def test_who_came_with_a_password_is_not_led_to_a_provider(anna: Member, provider: IdentityProvider) -> None:
    browser = Client()
    browser.post("/connect/login", {"username": "anna", "password": "secret-for-tests"})
    assert browser.post("/admin/logout/")["Location"] == "/connect/login"


@pytest.mark.parametrize("named", [{"sub": "anna-at-the-bank"}, {"sid": "session-1"}])
def test_a_logout_at_the_provider_ends_sessions_and_tokens(
    provider: IdentityProvider, anna: Member, api_of: Any, named: dict[str, str], make_member: Any, admin_of: Any
) -> None:
    here, api, other = come(provider)[0], api_of(anna), admin_of(make_member("berta"))
    assert api.get("/v1.0/change-requests/1").status != 401
    answer = Client(enforce_csrf_checks=True).post(BACK_CHANNEL, {"logout_token": provider.logout_token(**named)})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert (is_in(here), is_in(other)) == (False, True)
    assert api.get("/v1.0/change-requests/1").status == 401


def test_what_is_no_logout_token_ends_nothing(provider: IdentityProvider, anna: Member, case: Any) -> None:
    here = come(provider)[0]
    anna_there = {"sub": "anna-at-the-bank"}
    good = provider.logout_token
    for name, token in {
        "nothing": "",
        "an id token": provider.signed({"iss": provider.issuer, "aud": CLIENT, "iat": int(time.time()), **anna_there}),
        "a nonce": good(nonce="1", **anna_there),
        "no event": good(events={}, **anna_there),
        "another event": good(events={"http://schemas.openid.net/event/other": {}}, **anna_there),
        "another client": good(aud="another", **anna_there),
        "another issuer": good(iss="https://another.example", **anna_there),
        "no jti": good(jti=None, **anna_there),
        "no iat": good(iat=None, **anna_there),
        "old": good(iat=int(time.time()) - 3600, exp=None, **anna_there),
        "expired": good(exp=int(time.time()) - 3600, **anna_there),
        "nobody": good(),
        "another type": provider.signed({}, typ="at+jwt"),
    }.items():
        with case(name):
            answer = Client().post(BACK_CHANNEL, {"logout_token": token})
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    with case("signed by somebody else"):
        provider.key = RSAKey.generate_key(2048, {"kid": provider.published.kid})
        assert Client().post(BACK_CHANNEL, {"logout_token": good(**anna_there)}).status_code == 400
    assert is_in(here)


def test_a_logout_token_is_good_once(provider: IdentityProvider, anna: Member) -> None:
    token = provider.logout_token(sub="anna-at-the-bank")
    assert Client().post(BACK_CHANNEL, {"logout_token": token}).status_code == 200
    here = come(provider)[0]
    assert Client().post(BACK_CHANNEL, {"logout_token": token}).status_code == 400
    assert is_in(here)


def test_what_is_long_over_is_forgotten(provider: IdentityProvider, anna: Member, settings: Any) -> None:
    come(provider)
    Client().post(BACK_CHANNEL, {"logout_token": provider.logout_token(sid="session-1")})
    forget_provider_sessions()
    assert (ProviderSession.objects.count(), LogoutToken.objects.count()) == (1, 1)
    ProviderSession.objects.update(began_at="2020-01-01T00:00Z")
    LogoutToken.objects.update(received_at="2020-01-01T00:00Z")
    forget_provider_sessions()
    assert (ProviderSession.objects.count(), LogoutToken.objects.count()) == (0, 0)


# ---- settings


def test_settings_that_cannot_work_are_refused(provider: IdentityProvider, settings: Any) -> None:
    settings.EMBEDDED = False
    settings.OIDC_PROVIDERS = [
        provider.settings(client_secret=""),
        provider.settings(is_factor_required=True),
    ]
    found = {message.id for message in run_checks() if (message.id or "").startswith("kontor.")}
    assert found == {"kontor.E001", "kontor.E002", "kontor.E003", "kontor.E004"}


def test_the_metadata_are_read_once_in_a_while(provider: IdentityProvider) -> None:
    (one,) = all_providers()
    assert client_of(one) is client_of(one)
