"""Tokens, from the endpoint to the actor."""

import base64
import hashlib
import json
import re
import secrets
from datetime import timedelta
from io import StringIO
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken

from accounts.models import ClientApplication
from accounts.scopes import ALL_SCOPES

pytestmark = pytest.mark.django_db


def command(*arguments):
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def ask(application, **fields):
    """Request a token with the client credentials grant."""
    basic = base64.b64encode(f"{application['client_id']}:{application['client_secret']}".encode()).decode()
    response = Client(headers={"authorization": f"Basic {basic}"}).post("/connect/token", fields)
    return response.status_code, response.json()


@pytest.fixture
def registered():
    return json.loads(command("create_client_app", "crm", "--scopes", "contacts.read schemas.read"))


class TestClientCredentials:
    def test_an_app_gets_a_token_with_all_that_it_may_ask_for(self, registered, anonymous, default_schemas):
        status, token = ask(registered, grant_type="client_credentials")
        assert (status, token["token_type"], token["expires_in"]) == (200, "Bearer", 3600)
        assert set(token["scope"].split()) == {"contacts.read", "schemas.read"}
        anonymous.token = token["access_token"]
        assert anonymous.get("/v1.0/schemas/contact").status == 200

    def test_it_may_ask_for_less_but_not_for_more(self, registered):
        assert ask(registered, grant_type="client_credentials", scope="schemas.read")[1]["scope"] == "schemas.read"
        status, answer = ask(registered, grant_type="client_credentials", scope="anonymize")
        assert (status, answer["error"]) == (400, "invalid_scope")

    def test_a_wrong_secret_is_refused(self, registered):
        status, answer = ask({**registered, "client_secret": "guess"}, grant_type="client_credentials")
        assert (status, answer["error"]) == (401, "invalid_client")

    def test_passwords_are_not_taken(self, registered, make_member):
        make_member("anna")
        assert ask(registered, grant_type="password", username="anna", password="secret-for-tests")[0] >= 400

    def test_neither_tokens_nor_secrets_are_kept_in_clear(self, registered):
        token = ask(registered, grant_type="client_credentials")[1]["access_token"]
        assert token not in str(list(AccessToken.objects.values()))
        assert registered["client_secret"] not in str(list(ClientApplication.objects.values()))


class TestBearer:
    def test_an_expired_token_is_refused(self, make_app, api_of):
        api = api_of(make_app())
        AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
        assert api.get("/v1.0/schemas/contact").status == 401

    def test_a_revoked_token_stops_working_at_once(self, registered, anonymous, default_schemas):
        token = ask(registered, grant_type="client_credentials")[1]["access_token"]
        anonymous.token = token
        assert anonymous.get("/v1.0/schemas/contact").status == 200
        Client().post("/connect/revoke", {"token": token, **registered})
        assert anonymous.get("/v1.0/schemas/contact").status == 401

    def test_a_closed_login_is_refused(self, make_member, api_of):
        member = make_member()
        api = api_of(member)
        member.user.is_active = False
        member.user.save()
        assert api.get("/v1.0/schemas/contact").status == 401

    def test_a_login_of_neither_a_member_nor_a_contact_is_nobody(self, make_member, api_of):
        member = make_member()
        api = api_of(member)
        member.delete()
        assert api.get("/v1.0/schemas/contact").status == 401

    def test_a_token_in_the_address_is_not_taken(self, make_app, api_of, anonymous):
        token = api_of(make_app()).token
        assert anonymous.get(f"/v1.0/schemas/contact?access_token={token}").status == 401


class TestAuthorizationCode:
    @pytest.fixture
    def application(self):
        return ClientApplication.objects.create(
            name="portal",
            client_type=ClientApplication.CLIENT_PUBLIC,
            authorization_grant_type=ClientApplication.GRANT_AUTHORIZATION_CODE,
            redirect_uris="https://portal.example/done",
            allowed_scopes="contacts.read contacts.write",
            skip_authorization=True,
        )

    def authorize(self, browser, application, **more):
        query = {
            "response_type": "code",
            "client_id": application.client_id,
            "redirect_uri": "https://portal.example/done",
            "scope": "contacts.read",
            "state": "xyz",
            **more,
        }
        return browser.get(f"/connect/authorize?{urlencode(query)}")

    def test_a_contact_logs_in_by_its_username_and_reads_its_own_details(
        self, application, make_contact, api_of, anonymous
    ):
        contact = make_contact(username="johanna")
        other = make_contact()
        api_of(contact)  # opens the login
        contact.refresh_from_db()
        contact.user.set_password("a long enough password")
        contact.user.save()
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        pkce = {
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        browser = Client()
        to_login = self.authorize(browser, application, **pkce)
        assert urlsplit(to_login.url).path == "/connect/login"
        wrong = browser.post(to_login.url, {"username": "johanna", "password": "guess"})
        assert b'role="alert"' in wrong.content
        back = browser.post(to_login.url, {"username": "JOHANNA", "password": "a long enough password"})
        done = (
            browser.get(back.url) if "/connect/authorize" in back.url else self.authorize(browser, application, **pkce)
        )
        answer = parse_qs(urlsplit(done.url).query)
        assert (urlsplit(done.url).hostname, answer["state"]) == ("portal.example", ["xyz"])
        token = browser.post(
            "/connect/token",
            {
                "grant_type": "authorization_code",
                "code": answer["code"][0],
                "redirect_uri": "https://portal.example/done",
                "client_id": application.client_id,
                "code_verifier": verifier,
            },
        ).json()
        assert token["refresh_token"]
        anonymous.token = token["access_token"]
        assert anonymous.get(f"/v1.0/contacts/{contact.pk}/details").status == 200
        assert anonymous.get(f"/v1.0/contacts/{other.pk}/details").status == 404
        renewed = browser.post(
            "/connect/token",
            {
                "grant_type": "refresh_token",
                "refresh_token": token["refresh_token"],
                "client_id": application.client_id,
            },
        ).json()
        anonymous.token = renewed["access_token"]
        assert anonymous.get(f"/v1.0/contacts/{contact.pk}/details").status == 200

    def test_without_pkce_no_code_is_given(self, application, make_member, admin_of):
        refused = self.authorize(admin_of(make_member()), application)
        assert "error=invalid_request" in refused.url

    def test_a_foreign_redirect_is_refused(self, application, make_member, admin_of):
        answer = self.authorize(admin_of(make_member()), application, redirect_uri="https://evil.example/")
        assert answer.status_code == 400


class TestCommands:
    def test_issue_token_speaks_for_a_member(self, make_member, anonymous, default_schemas):
        make_member("anna")
        anonymous.token = command("issue_token", "--member", "Anna", "--scopes", "schemas.read").strip()
        assert anonymous.get("/v1.0/schemas/contact").status == 200
        assert anonymous.get("/v1.0/contacts/1/details").status == 403

    def test_issue_token_speaks_for_a_contact(self, make_contact, anonymous):
        contact = make_contact()
        anonymous.token = command("issue_token", "--contact", str(contact.pk)).strip()
        assert anonymous.get(f"/v1.0/contacts/{contact.pk}/details").json["id"] == contact.pk

    @pytest.mark.parametrize(
        "arguments", [["--member", "nobody"], ["--contact", "2147483647"], ["--member", "anna", "--scopes", "all"]]
    )
    def test_issue_token_says_what_is_wrong(self, make_member, arguments):
        make_member("anna")
        with pytest.raises(CommandError, match="There is no"):
            command("issue_token", *arguments)

    def test_create_client_app_restricts_to_participants(self, make_participant, make_contact, anonymous):
        zurich = make_participant("Zurich")
        seen, unseen = make_contact(participants=[zurich]), make_contact()
        made = json.loads(
            command("create_client_app", "zurich", "--scopes", " ".join(ALL_SCOPES), "--participant", "Zurich")
        )
        anonymous.token = ask(made, grant_type="client_credentials")[1]["access_token"]
        assert anonymous.get(f"/v1.0/contacts/{seen.pk}/details").status == 200
        assert anonymous.get(f"/v1.0/contacts/{unseen.pk}/details").status == 404

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["crm", "--scopes", "contacts.read"], "already"),
            (["other", "--scopes", "everything"], "everything"),
            (["other", "--scopes", "contacts.read", "--participant", "Nowhere"], "Nowhere"),
        ],
    )
    def test_create_client_app_says_what_is_wrong(self, registered, arguments, says):
        with pytest.raises(CommandError, match=re.escape(says)):
            command("create_client_app", *arguments)
