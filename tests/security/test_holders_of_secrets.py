"""What somebody who knows the secret of an application, or nearly, cannot do with it."""

import re
import secrets
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant, RefreshToken

from accounts.actor import member_actor, system_actor
from accounts.models import AuthorizationCode, ClientApplication, Member
from accounts.oauth import Validator
from accounts.services import issue_token
from administration.services.applications import NewClient, change_application, create_client_application
from administration.services.secrets import end_secret
from tests.api import Api
from tests.changerequests.requesting import address, renaming

pytestmark = pytest.mark.django_db
DONE = "https://portal.example/done"
SCOPES = ["contacts.read", "contacts.write", "change-requests.read", "change-requests.write"]


@pytest.fixture
def hugo(make_member: Any) -> Member:
    """Who owns an application, collected its secret, and may review."""
    return make_member("hugo", reviews=True, sees_all_contacts=True)


@pytest.fixture
def mia(make_member: Any) -> Member:
    """Who uses the application."""
    return make_member("mia", reviews=True, sees_all_contacts=True)


@pytest.fixture
def web(hugo: Member) -> ClientApplication:
    target = {"grant": "authorization-code", "redirectUris": [DONE], "carriesDecisions": True}
    made = create_client_application(actor=system_actor("tests"), name="web", scopes=SCOPES, target=target).application
    known = {"owner": hugo, "secret_holder": hugo, "secret_collected_at": timezone.now()}
    ClientApplication.objects.filter(pk=made.pk).update(**known)
    return made


@pytest.fixture
def service() -> NewClient:
    return create_client_application(actor=system_actor("tests"), name="service", scopes=["introspection"])


def token_through(web: ClientApplication, member: Member) -> str:
    """Return a token that a member has given to an application, confirmed by its second factor."""
    bearer = issue_token(actor=system_actor("tests"), user=member.user, scopes=SCOPES)
    access = AccessToken.objects.get(user=member.user)
    access.application = web
    access.save()
    family = uuid4()
    RefreshToken.objects.create(user=member.user, application=web, access_token=access, token_family=family)
    AuthorizationCode.objects.create(
        code_hash=family.hex, application=web, token_family=family, confirmed_at=timezone.now()
    )
    return bearer


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()}


def test_a_secret_that_is_ended_ends_the_tokens_of_people_too(
    hugo: Member, mia: Member, web: ClientApplication, make_contact: Any
) -> None:
    """Who knew it may have them, and would not be excluded any more from what comes through them."""
    bearer = token_through(web, mia)
    path = f"/v1.0/contacts/{make_contact().pk}/details"
    assert Api(bearer).get(path).status == 200
    assert end_secret(actor=member_actor(hugo), application_id=web.pk, is_previous=False)
    assert Api(bearer).get(path).status == 401


def test_who_holds_a_secret_decides_no_request_of_its_own_with_the_token_of_somebody_else(
    hugo: Member, mia: Member, web: ClientApplication, make_contact: Any
) -> None:
    own = renaming(make_contact(), by=hugo)
    bearer = token_through(web, mia)
    answer = Api(bearer).post(address(own, "/review"), {"isApproved": True})
    assert (answer.status, answer.sub_code) == (403, "OwnChangeRequest")
    own.refresh_from_db()
    assert own.is_pending


@pytest.mark.parametrize("end", ["close", "end the secret"])
def test_no_token_is_given_for_what_has_ended_since_it_was_checked(
    service: NewClient, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    save, actor, pk = Validator.save_bearer_token, system_actor("tests"), service.application.pk

    def overtaken(*args: Any, **kwargs: Any) -> None:
        """Save as usual, after another request has committed."""
        if end == "close":
            change_application(actor=actor, application_id=pk, target={"scopes": []})
        else:
            end_secret(actor=actor, application_id=pk, is_previous=False)
        save(*args, **kwargs)

    monkeypatch.setattr(Validator, "save_bearer_token", overtaken)
    headers = basic(service.application.client_id, service.client_secret)
    answer = Client().post("/connect/token", {"grant_type": "client_credentials"}, headers=headers)
    assert answer.status_code == 401
    assert not AccessToken.objects.filter(application=pk).exists()


def test_no_code_is_given_to_a_session_that_has_ended_since_it_was_checked(
    mia: Member, web: ClientApplication, admin_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Validator.save_authorization_code

    def overtaken(*args: Any, **kwargs: Any) -> None:
        """Save as usual, after the owner of the login has chosen another password."""
        mia.user.set_password("another password of mia")
        mia.user.save()
        save(*args, **kwargs)

    monkeypatch.setattr(Validator, "save_authorization_code", overtaken)
    challenge = urlsafe_b64encode(sha256(secrets.token_bytes(32)).digest()).decode().rstrip("=")
    query = {"response_type": "code", "client_id": web.client_id, "redirect_uri": DONE, "scope": "contacts.read"}
    page = f"/connect/authorize?{urlencode({**query, 'code_challenge': challenge, 'code_challenge_method': 'S256'})}"
    browser = admin_of(mia)
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', browser.get(page).content.decode())
    answer = browser.post(page, {**dict(hidden), "allow": "Allow"})
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["error"] == ["access_denied"]
    assert not Grant.objects.exists()


def test_a_secret_in_the_address_is_not_read_and_so_not_guessed_past_the_lock(service: NewClient) -> None:
    sent = urlencode({"client_id": service.application.client_id, "client_secret": service.client_secret})
    assert Client().post(f"/connect/introspect?{sent}", {"token": "x"}).status_code == 401


def test_nobody_locks_an_application_that_has_no_secret_to_guess(web: ClientApplication) -> None:
    ClientApplication.objects.filter(pk=web.pk).update(client_type=ClientApplication.CLIENT_PUBLIC)
    refresh = {"grant_type": "refresh_token", "refresh_token": "unknown"}
    for _attempt in range(6):
        Client().post("/connect/token", refresh, headers=basic(web.client_id, "guess"))
    assert Client().post("/connect/token", {**refresh, "client_id": web.client_id}).status_code == 400
