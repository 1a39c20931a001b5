"""Invalid tokens of every kind get the same 401; tokens of the wrong kind of caller get 403."""

import base64
import hashlib
import secrets
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth.hashers import identify_hasher
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken

from accounts.actor import system_actor
from accounts.models import AuthorizationCode, ClientApplication, User
from accounts.password_links import password_link
from administration.services.applications import create_client_application
from administration.services.rights import change_rights
from contacts.services.anonymization import anonymize_contacts
from tests.api import Api

pytestmark = pytest.mark.django_db


def refused(api: Api, path: str) -> None:
    answer = api.get(path)
    assert (answer.status, answer.json["code"]) == (401, "Unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    # One answer for all: it does not tell an expired token from a guess.
    assert answer.json["message"] == Api("guess").get(path).json["message"]


@pytest.fixture
def contact(make_contact):
    return make_contact()


@pytest.fixture
def path(contact):
    return f"/v1.0/contacts/{contact.pk}/details"


@pytest.fixture
def member_api(make_member, contact, api_of):
    member = make_member("anna")
    contact.members.add(member)
    return api_of(member)


def test_an_expired_token_is_refused(member_api, path):
    assert member_api.get(path).status == 200
    AccessToken.objects.update(expires=timezone.now() - timedelta(microseconds=1))
    refused(member_api, path)


def test_a_deleted_token_is_refused(member_api, path):
    AccessToken.objects.all().delete()
    refused(member_api, path)


def test_the_token_of_a_login_that_was_closed_is_refused(member_api, path, contact):
    contact.members.get().user.__class__.objects.update(is_active=False)
    refused(member_api, path)


def test_a_member_that_loses_a_contact_loses_it_with_the_token_that_it_has(member_api, path, contact):
    assert member_api.get(path).status == 200
    contact.members.clear()
    assert member_api.get(path).status == 404


def test_an_application_that_changes_participants_sees_what_it_may_see_now(
    make_app, make_participant, make_contact, api_of
):
    zurich, geneva = make_participant("Zurich"), make_participant("Geneva")
    application = make_app(participants=[zurich])
    contact = make_contact(participants=[zurich])
    api = api_of(application)
    assert api.get(f"/v1.0/contacts/{contact.pk}/details").status == 200
    application.participants.set([geneva])
    assert api.get(f"/v1.0/contacts/{contact.pk}/details").status == 404


def test_the_tokens_of_an_application_that_is_deleted_are_refused(make_app, api_of, path):
    application = make_app()
    api = api_of(application)
    application.delete()
    refused(api, path)


def test_the_token_of_an_anonymized_contact_is_refused(contact, path, api_of):
    api = api_of(contact)
    assert api.get(path).status == 200
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[contact.pk], contact_uids=[])
    refused(api, path)


def test_a_token_without_the_scope_is_forbidden_and_another_kind_of_actor_too(make_member, contact, path, api_of):
    member = make_member()
    contact.members.add(member)
    assert api_of(member, scopes=["contacts.write"]).get(path).status == 403
    statuses = "/v1.0/contacts/change-requests/statuses"
    assert api_of(member, scopes=["change-requests.read"]).get(statuses).status == 200
    assert api_of(contact, scopes=["change-requests.read"]).get(statuses).status == 403


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "{token}",
        "Token {token}",
        "Basic {token}",
        "Bearer{token}",
        "Bearer: {token}",
        'Bearer "{token}"',
        "Bearer {token} {token}",
        "Bearer {token},",
        "Bearer {token}\x00",
        "Bearer {token}\u00e9",
        "Basic {basic}",
        "Bearer {checksum}",
    ],
)
def test_a_malformed_header_is_refused(header, member_api, path):
    token = member_api.token
    text = header.format(
        token=token,
        basic=base64.b64encode(f"anna:{token}".encode()).decode(),
        # What a reader of the database has.
        checksum=AccessToken.objects.get().token_checksum,
    )
    answer = Api().get(path, authorization=text)
    assert (answer.status, answer.json["code"]) == (401, "Unauthorized")


def test_a_token_counts_in_the_header_alone(member_api, path):
    token = member_api.token
    anonymous = Api()
    assert anonymous.get(f"{path}?access_token={token}").status == 401
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert anonymous.call("PUT", path, raw=f"access_token={token}".encode(), **form).status == 401
    assert anonymous.patch(path, {"access_token": token}).status == 401
    assert anonymous.get(path, cookie=f"access_token={token}").status == 401
    # With a valid header, the parameter is one that there is not.
    assert member_api.get(f"{path}?access_token={token}").status == 400


def test_the_session_of_the_admin_opens_no_operation(make_member, admin_of, path):
    """Nor could a foreign page use it: the API knows no cookie."""
    browser = admin_of(make_member(is_superuser=True, sees_all_contacts=True))
    assert browser.get("/admin/").status_code == 200
    assert browser.get(path).status_code == 401


def test_the_secret_of_an_application_is_kept_as_a_hash_and_neither_it_nor_the_id_is_a_token(path):
    created = create_client_application(actor=system_actor("tests"), name="crm", scopes=["contacts.read"])
    kept = ClientApplication.objects.get(pk=created.application.pk).client_secret
    assert created.client_secret not in kept
    identify_hasher(kept)  # raises unless it is one that Django knows
    for guess in (created.client_secret, created.application.client_id, kept):
        refused(Api(guess), path)


# ---- refresh tokens


@pytest.fixture
def portal():
    return ClientApplication.objects.create(
        name="portal",
        client_type=ClientApplication.CLIENT_PUBLIC,
        authorization_grant_type=ClientApplication.GRANT_AUTHORIZATION_CODE,
        redirect_uris="https://portal.example/done",
        allowed_scopes="contacts.read",
        skip_authorization=True,
    )


def code_for(application, browser, verifier):
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": application.client_id,
        "redirect_uri": "https://portal.example/done",
        "scope": "contacts.read",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    done = browser.get(f"/connect/authorize?{urlencode(query)}")
    return parse_qs(urlsplit(done["Location"]).query)["code"][0]


def exchanged(application, **fields):
    return Client().post("/connect/token", {"client_id": application.client_id, **fields})


@pytest.fixture
def tokens(portal, make_member, admin_of, contact):
    member = make_member("anna")
    contact.members.add(member)
    verifier = secrets.token_urlsafe(48)
    sent = {"code": code_for(portal, admin_of(member), verifier), "redirect_uri": "https://portal.example/done"}
    return exchanged(portal, grant_type="authorization_code", code_verifier=verifier, **sent).json()


def test_a_token_is_given_to_a_caller_without_cookies_and_without_a_token_against_forgery():
    stranger = Client(enforce_csrf_checks=True)
    form = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "guess"}
    assert stranger.post("/connect/token", form, secure=True).status_code == 401
    assert stranger.post("/connect/revoke", {**form, "token": "guess"}, secure=True).status_code == 401


def test_a_refresh_token_that_is_used_twice_ends_all_that_came_of_it(tokens, portal, path):
    """Whoever used it first may be the thief."""
    renewed = exchanged(portal, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert Api(renewed["access_token"]).get(path).status == 200
    again = exchanged(portal, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    refused(Api(renewed["access_token"]), path)
    last = exchanged(portal, grant_type="refresh_token", refresh_token=renewed["refresh_token"])
    assert last.json()["error"] == "invalid_grant"


def test_a_refresh_token_is_no_access_token_and_is_no_other_applications(tokens, portal, path):
    refused(Api(tokens["refresh_token"]), path)
    other = ClientApplication.objects.create(
        name="other",
        client_type=ClientApplication.CLIENT_PUBLIC,
        authorization_grant_type=ClientApplication.GRANT_AUTHORIZATION_CODE,
        redirect_uris="https://other.example/",
        allowed_scopes="contacts.read",
    )
    stolen = exchanged(other, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert stolen.json()["error"] == "invalid_grant"


def test_a_renewed_token_holds_no_more_than_the_first(tokens, portal):
    asked = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "scope": "contacts.read exports"}
    assert exchanged(portal, **asked).json()["error"] == "invalid_scope"


def test_a_refresh_token_of_a_closed_login_gives_nothing(tokens, portal, contact, path):
    contact.members.get().user.__class__.objects.update(is_active=False)
    renewed = exchanged(portal, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    if renewed.status_code == 200:
        refused(Api(renewed.json()["access_token"]), path)
    assert renewed.status_code == 400


def test_a_code_counts_once_and_with_its_verifier_alone(portal, make_member, admin_of):
    browser = admin_of(make_member())
    verifier = secrets.token_urlsafe(48)
    sent = {"grant_type": "authorization_code", "redirect_uri": "https://portal.example/done"}
    code = code_for(portal, browser, verifier)
    wrong = exchanged(portal, code=code, code_verifier=secrets.token_urlsafe(48), **sent)
    assert wrong.json()["error"] == "invalid_grant"
    code = code_for(portal, browser, verifier)
    assert exchanged(portal, code=code, code_verifier=verifier, **sent).status_code == 200
    assert exchanged(portal, code=code, code_verifier=verifier, **sent).json()["error"] == "invalid_grant"


def test_a_code_that_is_used_twice_ends_all_that_came_of_it(portal, make_member, admin_of, contact, path):
    """Whoever used it first may be the thief."""
    member, verifier = make_member(), secrets.token_urlsafe(48)
    contact.members.add(member)
    browser = admin_of(member)
    sent = {"grant_type": "authorization_code", "redirect_uri": "https://portal.example/done"}
    others, code = (code_for(portal, browser, verifier) for _ in range(2))
    kept = exchanged(portal, code=others, code_verifier=verifier, **sent).json()
    first = exchanged(portal, code=code, code_verifier=verifier, **sent).json()
    renewed = exchanged(portal, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    # Another application's try of a code that it has seen ends nothing.
    stranger = ClientApplication.objects.create(
        name="stranger",
        client_type="public",
        authorization_grant_type="authorization-code",
        redirect_uris="https://x.y/",
    )
    assert exchanged(stranger, code=code, code_verifier=verifier, **sent).json()["error"] == "invalid_grant"
    assert Api(renewed["access_token"]).get(path).status == 200
    # Without the verifier, too.
    assert exchanged(portal, code=code, code_verifier="guess" * 10, **sent).json()["error"] == "invalid_grant"
    refused(Api(renewed["access_token"]), path)
    last = exchanged(portal, grant_type="refresh_token", refresh_token=renewed["refresh_token"])
    assert last.json()["error"] == "invalid_grant"
    assert Api(kept["access_token"]).get(path).status == 200
    assert code not in str([*AuthorizationCode.objects.values()])


# ---- the page on which it is allowed


def asked(browser, application, **changed):
    query = {
        "response_type": "code",
        "client_id": application.client_id,
        "redirect_uri": "https://portal.example/done",
        "scope": "contacts.read",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
        **changed,
    }
    return browser.get(f"/connect/authorize?{urlencode(query)}")


def test_the_consent_page_lets_its_form_go_to_the_address_of_the_request_and_no_other(portal, make_member, admin_of):
    browser = admin_of(make_member("anna"))
    addresses = "https://portal.example/done https://portal.example/x;script-src"
    ClientApplication.objects.update(skip_authorization=False, redirect_uris=addresses)
    other = asked(browser, portal, redirect_uri="https://evil.example/done")
    assert other.status_code == 400
    assert "form-action 'self';" in f"{other['Content-Security-Policy']};"
    # Nobody skips the page, and nothing in an address ends the directive.
    for changed, source in (
        ({}, "https://portal.example/done"),
        ({"approval_prompt": "auto"}, "https://portal.example/done"),
        ({"redirect_uri": "https://portal.example/x;script-src"}, "https://portal.example/x%3Bscript-src"),
    ):
        page = asked(browser, portal, **changed)
        assert page.status_code == 200
        directives = [part.strip() for part in page["Content-Security-Policy"].split(";")]
        assert f"form-action 'self' {source}" in directives
        assert "no-store" in page["Cache-Control"]
        text = page.content.decode()
        assert all(said in text for said in ("portal", "Anna Tester", "Read contacts, their details", "Deny"))


def test_a_faulty_request_is_answered_before_the_login(portal):
    """After the login, its form could not go on to the application."""
    answer = asked(Client(), portal, scope="exports")
    assert answer.status_code == 302
    assert answer["Location"].startswith("https://portal.example/done?error=invalid_scope")
    assert asked(Client(), portal)["Location"].startswith("/connect/login?")


def test_neither_kind_of_token_is_kept_in_clear(tokens):
    kept = str([*AccessToken.objects.values(), *RefreshToken.objects.values()])
    assert tokens["access_token"] not in kept
    assert tokens["refresh_token"] not in kept


# ---- what ends with a login or a password


def is_over(tokens, portal, path):
    """Whether neither the token nor its refresh token is good any more."""
    renewed = exchanged(portal, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    return renewed.status_code == 400 and Api(tokens["access_token"]).get(path).status == 401


PASSWORD, CHOSEN = "secret-for-tests", "another-secret-for-tests"


def change_by_page(member, admin_of):
    sent = {"old_password": PASSWORD, "new_password1": CHOSEN, "new_password2": CHOSEN}
    assert admin_of(member).post("/connect/change-password", sent).status_code == 302


def change_by_link(member, admin_of):
    browser = Client()
    form = browser.get(password_link(User.objects.get(pk=member.user_id)), follow=True).redirect_chain[-1][0]
    assert browser.post(form, {"new_password1": CHOSEN, "new_password2": CHOSEN}).status_code == 302


def change_by_command(member, admin_of):
    user = User.objects.get(pk=member.user_id)
    user.set_password(CHOSEN)
    user.save()


@pytest.mark.parametrize("change", [change_by_page, change_by_link, change_by_command])
def test_another_password_ends_tokens_codes_and_sessions(tokens, portal, contact, path, admin_of, change):
    member, session = contact.members.get(), admin_of(contact.members.get())
    verifier = secrets.token_urlsafe(48)
    code = code_for(portal, session, verifier)
    change(member, admin_of)
    assert is_over(tokens, portal, path)
    sent = {"code": code, "code_verifier": verifier, "redirect_uri": "https://portal.example/done"}
    assert exchanged(portal, grant_type="authorization_code", **sent).status_code == 400
    assert session.get("/admin/").status_code == 302


def test_a_login_that_waits_for_its_second_factor_does_not_outlive_the_password(make_member, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    user = make_member("anna").user
    browser = Client()
    step = browser.post("/connect/login", {"username": "anna", "password": PASSWORD})["Location"]
    assert browser.get(step).status_code == 200
    user.set_password(CHOSEN)
    user.save()
    assert browser.get(step)["Location"].startswith("/connect/login")


def test_a_stronger_hash_of_the_same_password_ends_nothing(tokens, contact, path, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    assert Client().post("/connect/login", {"username": "anna", "password": PASSWORD}).status_code == 302
    assert User.objects.get(pk=contact.members.get().user_id).password.startswith("pbkdf2")
    assert Api(tokens["access_token"]).get(path).status == 200


def close_by_admin(member, boss):
    boss.post(f"/admin/accounts/user/{member.user_id}/change/", {"username": "anna", "is_staff": "on"})


def close_by_service(member, boss):
    change_rights(actor=system_actor("tests"), user_id=member.user_id, target={"isActive": False})


@pytest.mark.parametrize("close", [close_by_admin, close_by_service])
def test_what_ended_with_a_login_does_not_come_back_with_it(
    tokens, portal, contact, path, admin_of, make_member, close
):
    member = contact.members.get()
    session, boss = admin_of(member), admin_of(make_member("boss", is_superuser=True))
    close(member, boss)
    assert not User.objects.get(pk=member.user_id).is_active
    assert is_over(tokens, portal, path)
    assert session.get("/admin/").status_code == 302
    User.objects.filter(pk=member.user_id).update(is_active=True)
    assert is_over(tokens, portal, path)
    assert session.get("/admin/").status_code == 302


def test_the_tokens_of_others_go_on(tokens, path, make_member):
    other = make_member("ben").user
    other.set_password(CHOSEN)
    other.save()
    change_rights(actor=system_actor("tests"), user_id=other.pk, target={"isActive": False})
    assert Api(tokens["access_token"]).get(path).status == 200
