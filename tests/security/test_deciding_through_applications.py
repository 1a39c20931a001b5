"""Members who approve or reject through an application: only one that may carry it, and after a second factor."""

import re
import secrets
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.actor import system_actor
from accounts.models import AuthorizationCode, ClientApplication, Member
from administration.services.applications import create_client_application
from changerequests.models import ChangeRequest
from tests.api import Api
from tests.changerequests.requesting import address, renaming

pytestmark = pytest.mark.django_db
DONE = "https://portal.example/done"


@pytest.fixture
def rita(make_member: Any) -> Member:
    return make_member("rita", reviews=True, sees_all_contacts=True)


@pytest.fixture
def device(rita: Member) -> TOTPDevice:
    return TOTPDevice.objects.create(user=rita.user, name="authenticator", confirmed=True)


@pytest.fixture
def request_(make_member: Any, make_contact: Any) -> ChangeRequest:
    return renaming(make_contact(), by=make_member("anna"))


@pytest.fixture
def portal() -> ClientApplication:
    return create_client_application(
        actor=system_actor("tests"),
        name="portal",
        scopes=["change-requests.read", "change-requests.write"],
        target={"grant": "authorization-code", "isPublic": True, "redirectUris": [DONE], "carriesDecisions": True},
    ).application


def allowed(browser: Client, portal: ClientApplication, *, code: str = "") -> tuple[Any, str]:
    """Allow the application on the consent page; return its answer and the verifier of the code."""
    verifier = secrets.token_urlsafe(48)
    query = {
        "response_type": "code",
        "client_id": portal.client_id,
        "redirect_uri": DONE,
        "scope": "change-requests.read change-requests.write",
        "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    page = f"/connect/authorize?{urlencode(query)}"
    form = browser.get(page).content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    return browser.post(page, {**hidden, "allow": "Allow", "code": code}), verifier


def token(browser: Client, portal: ClientApplication, **options: str) -> dict[str, str]:
    answer, verifier = allowed(browser, portal, **options)
    code = parse_qs(urlsplit(answer["Location"]).query)["code"][0]
    return exchanged(portal, grant_type="authorization_code", code=code, code_verifier=verifier, redirect_uri=DONE)


def exchanged(portal: ClientApplication, **sent: str) -> dict[str, str]:
    answer: dict[str, str] = Client().post("/connect/token", {"client_id": portal.client_id, **sent}).json()
    return answer


def decided(bearer: str, request: ChangeRequest, verdict: str = "/review") -> Any:
    body: dict[str, Any] = {"isApproved": True} if verdict == "/review" else {"comment": "Why?"}
    return Api(bearer).post(address(request, verdict), body)


def code_now(device: TOTPDevice) -> str:
    TOTPDevice.objects.update(last_t=-1)
    return f"{totp(device.bin_key):06d}"


def test_an_application_that_may_not_carries_no_decision(
    rita: Member, device: TOTPDevice, portal: ClientApplication, request_: ChangeRequest, admin_of: Any
) -> None:
    ClientApplication.objects.update(carries_decisions=False)
    browser = admin_of(rita)
    bearer = token(browser, portal, code=code_now(device))["access_token"]
    assert Api(bearer).get(address(request_)).status == 200
    for verdict in ("/review", "/return"):
        answer = decided(bearer, request_, verdict)
        assert (answer.status, answer.sub_code) == (403, "ApplicationCarriesNoDecisions")
    # Taken away, it counts at once.
    ClientApplication.objects.update(carries_decisions=True)
    bearer = token(browser, portal, code=code_now(device))["access_token"]
    ClientApplication.objects.update(carries_decisions=False)
    assert decided(bearer, request_).sub_code == "ApplicationCarriesNoDecisions"


def test_a_member_decides_only_after_it_has_confirmed_with_its_second_factor(
    rita: Member, device: TOTPDevice, portal: ClientApplication, request_: ChangeRequest, admin_of: Any
) -> None:
    browser = admin_of(rita)
    answer = decided(token(browser, portal)["access_token"], request_)
    assert (answer.status, answer.sub_code) == (403, "ConfirmationRequired")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_user_authentication", max_age=600'
    wrong, _verifier = allowed(browser, portal, code="000000")
    assert (wrong.status_code, "The code is not right" in wrong.content.decode()) == (200, True)
    assert allowed(browser, portal, code=code_now(device))[0].status_code == 429
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    tokens = token(browser, portal, code=code_now(device))
    AuthorizationCode.objects.update(confirmed_at=timezone.now() - timedelta(minutes=10))
    assert decided(tokens["access_token"], request_).sub_code == "ConfirmationRequired"
    AuthorizationCode.objects.exclude(token_family=None).update(confirmed_at=None)
    tokens = token(browser, portal, code=code_now(device))
    # A renewed token does not confirm again, and is of the same confirmation.
    tokens = exchanged(portal, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert decided(tokens["access_token"], request_).status == 204
    request_.refresh_from_db()
    assert not request_.is_pending


def test_one_login_does_not_confirm_for_another(
    rita: Member,
    device: TOTPDevice,
    portal: ClientApplication,
    request_: ChangeRequest,
    admin_of: Any,
    make_member: Any,
) -> None:
    other = make_member("other", reviews=True, sees_all_contacts=True)
    token(admin_of(rita), portal, code=code_now(device))
    assert allowed(admin_of(other), portal, code=code_now(device))[0].status_code == 200
    bearer = token(admin_of(other), portal)["access_token"]
    assert decided(bearer, request_).sub_code == "ConfirmationRequired"


def test_who_has_no_second_factor_is_sent_to_set_one_up(portal: ClientApplication, rita: Member, admin_of: Any) -> None:
    query = {"response_type": "code", "client_id": portal.client_id, "redirect_uri": DONE, "code_challenge": "A" * 43}
    page = admin_of(rita).get(f"/connect/authorize?{urlencode({**query, 'code_challenge_method': 'S256'})}")
    assert "you need a second factor" in page.content.decode()
