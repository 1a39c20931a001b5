"""Brute force: passwords, client secrets, and password spraying."""

import base64
from datetime import timedelta
from io import StringIO

import pytest
from axes.models import AccessAttempt
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.actor import system_actor
from administration.services.applications import create_client_application
from contacts.services.logins import open_login

pytestmark = pytest.mark.django_db

PASSWORD = "secret-for-tests"


def attempt(username, password, **headers):
    return Client(headers=headers).post("/connect/login", {"username": username, "password": password})


def is_in(response):
    return response.status_code == 302


@pytest.fixture
def anna(make_member):
    return make_member("anna")


def guess(username, times):
    return [attempt(username, "guess") for _number in range(times)]


class TestPeople:
    def test_the_fifth_wrong_password_locks_the_login_for_a_while(self, anna):
        answers = guess("anna", 5)
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
        refused = attempt("anna", PASSWORD)
        assert refused.status_code == 429
        assert 0 < int(refused["Retry-After"]) <= 900
        assert 'role="alert"' in refused.content.decode()
        assert "15 minutes" in refused.content.decode()

    def test_it_opens_again_by_itself(self, anna):
        guess("anna", 5)
        AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(seconds=901))
        assert is_in(attempt("anna", PASSWORD))

    def test_trying_on_does_not_lock_it_for_longer(self, anna):
        guess("anna", 5)
        AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(seconds=890))
        guess("anna", 3)
        assert int(attempt("anna", PASSWORD)["Retry-After"]) <= 10

    def test_neither_another_spelling_nor_another_browser_nor_another_address_gets_around_it(self, anna, settings):
        settings.BEHIND_PROXY = True
        for number, name in enumerate(("anna", "Anna", "ANNA ", " anna", "aNNa")):
            attempt(name, "guess", user_agent=f"browser {number}", x_forwarded_for=f"192.0.2.{number}")
        assert attempt("anna", PASSWORD, x_forwarded_for="192.0.2.77").status_code == 429

    def test_neither_does_another_secret_key(self, anna, settings):
        guess("anna", 4)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 10, [settings.SECRET_KEY]
        assert guess("anna", 1)[0].status_code == 429
        assert attempt("anna", PASSWORD).status_code == 429
        AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(seconds=901))
        assert is_in(attempt("anna", PASSWORD))

    def test_others_are_not_locked(self, anna, make_member):
        make_member("ben")
        guess("anna", 5)
        assert is_in(attempt("ben", PASSWORD))

    def test_the_right_password_forgets_the_wrong_ones(self, anna):
        guess("anna", 4)
        assert is_in(attempt("anna", PASSWORD))
        guess("anna", 4)
        assert is_in(attempt("anna", PASSWORD))

    def test_names_that_there_are_not_are_locked_like_those_that_there_are(self, anna):
        """Else the lock would tell them apart."""
        for name in ("anna", "nobody"):
            assert [answer.status_code for answer in guess(name, 6)] == [200] * 4 + [429] * 2

    def test_contacts_are_locked_too(self, make_contact):
        contact = make_contact(username="johanna")
        user = open_login(actor=system_actor("tests"), contact_id=contact.pk)
        user.set_password("a long enough password")
        user.save()
        guess("Johanna", 5)
        assert attempt("johanna", "a long enough password").status_code == 429
        call_command("unlock_login", "--username", "JOHANNA", stdout=StringIO())
        assert is_in(attempt("johanna", "a long enough password"))

    def test_the_admin_has_no_other_door(self, anna):
        page = Client().get("/admin/login/?next=/admin/contacts/")
        assert (page.status_code, page["Location"]) == (302, "/connect/login?next=%2Fadmin%2Fcontacts%2F")
        Client().post("/admin/login/", {"username": "anna", "password": PASSWORD})
        assert Client().get("/admin/")["Location"].startswith("/admin/login/")
        evil = Client().get("/admin/login/?next=https://evil.example/")
        assert evil["Location"] == "/connect/login?next=%2Fadmin%2F"

    @pytest.mark.parametrize(
        ("language", "text"),
        [("de", "15 Minuten"), ("fr", "15 minutes"), ("it", "15 minuti")],
    )
    def test_the_page_speaks_the_language_of_the_reader(self, anna, language, text):
        guess("anna", 5)
        assert text in attempt("anna", PASSWORD, accept_language=language).content.decode()

    def test_what_is_kept_of_an_attempt_names_nobody(self, anna):
        attempt("anna", "a-typed-password")
        row = str(AccessAttempt.objects.values().get())
        assert "anna" not in row
        assert "a-typed-password" not in row

    def test_one_password_is_not_tried_on_everybody(self, settings):
        settings.LOGIN_RATE = "20/day"
        answers = [attempt(f"person-{number}", "Winter2026!", user_agent="x").status_code for number in range(21)]
        assert answers[:20] == [200] * 20
        assert answers[20] == 429

    def test_right_passwords_do_not_count_against_an_address_that_many_share(self, anna, settings):
        settings.LOGIN_RATE, settings.BEHIND_PROXY = "3/day", True
        address = {"x_forwarded_for": "192.0.2.201"}
        assert all(is_in(attempt("anna", PASSWORD, **address)) for _number in range(8))
        answers = [attempt("ben", "guess", **address).status_code for _number in range(4)]
        assert answers == [200, 200, 200, 429]

    def test_who_is_signed_in_without_a_right_to_the_admin_is_told_so(self, make_member):
        make_member("outside", is_staff=False)
        browser = Client()
        browser.post("/connect/login", {"username": "outside", "password": PASSWORD})
        page = browser.get("/admin/", follow=True)
        assert page.redirect_chain[-1][0].startswith("/connect/login")
        assert "does not open the administration" in page.content.decode()


class TestApplications:
    @pytest.fixture
    def crm(self):
        return create_client_application(actor=system_actor("tests"), name="crm", scopes=["contacts.read"])

    def token(self, crm, secret, *, basic=True):
        client_id, form = crm.application.client_id, {"grant_type": "client_credentials"}
        if not basic:
            return Client().post("/connect/token", {**form, "client_id": client_id, "client_secret": secret})
        header = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        return Client(headers={"authorization": f"Basic {header}"}).post("/connect/token", form)

    def test_wrong_secrets_lock_the_application(self, crm):
        answers = [self.token(crm, "guess", basic=number % 2 == 0) for number in range(5)]
        assert {answer.status_code for answer in answers} == {401}
        for basic in (True, False):
            refused = self.token(crm, crm.client_secret, basic=basic)
            assert (refused.status_code, refused.json()["error"]) == (429, "invalid_client")
            assert 0 < int(refused["Retry-After"]) <= 900
            assert "seconds" in refused.json()["error_description"]

    def test_tokens_for_many_users_are_not_held_up_and_guesses_between_them_are(self, crm, settings):
        settings.LOGIN_RATE, settings.BEHIND_PROXY = "3/day", True
        server = Client(headers={"x_forwarded_for": "192.0.2.202"})
        body = {"grant_type": "client_credentials", "client_id": crm.application.client_id}

        def asked(secret):
            return server.post("/connect/token", {**body, "client_secret": secret}).status_code

        assert {asked(crm.client_secret) for _number in range(8)} == {200}
        assert [asked(secret) for secret in ("guess", crm.client_secret) * 3] == [401, 200, 401, 200, 401, 429]

    def test_an_operator_unlocks_it(self, crm):
        for _number in range(6):
            self.token(crm, "guess")
        told = StringIO()
        call_command("unlock_login", "--client", crm.application.client_id, stdout=told)
        assert told.getvalue() == "Unlocked.\n"
        assert self.token(crm, crm.client_secret).status_code == 200
        call_command("unlock_login", "--client", crm.application.client_id, stdout=told)
        assert "was not locked" in told.getvalue()

    def test_an_application_has_no_session_and_needs_no_token_against_foreign_pages(self, crm):
        outside = Client(enforce_csrf_checks=True)
        body = {"client_id": crm.application.client_id, "client_secret": crm.client_secret}
        answer = outside.post("/connect/token", {"grant_type": "client_credentials", **body})
        assert answer.status_code == 200
        token = answer.json()["access_token"]
        assert outside.post("/connect/revoke", {"token": token, **body}).status_code == 200

    def test_secrets_are_not_guessed_at_the_other_endpoint_either(self, crm):
        for _number in range(5):
            body = {"token": "x", "client_id": crm.application.client_id, "client_secret": "guess"}
            assert Client().post("/connect/revoke", body).status_code == 401
        assert self.token(crm, crm.client_secret).status_code == 429

    def test_the_right_secret_forgets_the_wrong_ones(self, crm):
        for _round in range(3):
            assert [self.token(crm, "guess").status_code for _number in range(4)] == [401] * 4
            assert self.token(crm, crm.client_secret).status_code == 200

    @pytest.mark.parametrize("scheme", ["Basic", "basic"])
    def test_a_second_name_does_not_get_around_the_lock(self, crm, scheme):
        """The library tries the form where the header is not right: it is not to be asked twice in one request."""
        body = {"grant_type": "client_credentials", "client_id": crm.application.client_id}
        for number in range(5):
            header = base64.b64encode(f"nobody-{number}:x".encode()).decode()
            other = Client(headers={"authorization": f"{scheme} {header}"})
            answer = other.post("/connect/token", {**body, "client_secret": crm.client_secret})
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert self.token(crm, crm.client_secret).status_code == 200

    def test_an_application_of_ones_own_does_not_hide_guesses_at_another(self, crm):
        own = create_client_application(actor=system_actor("tests"), name="own", scopes=["contacts.read"])
        body = {"client_id": own.application.client_id, "client_secret": own.client_secret}
        header = base64.b64encode(f"{crm.application.client_id}:{crm.client_secret}".encode()).decode()
        client = Client(headers={"authorization": f"Basic {header}"})
        assert client.post("/connect/token", {"grant_type": "client_credentials", **body}).status_code == 400

    def test_another_spelling_of_the_name_does_not_get_around_the_lock(self, crm):
        """What stands in the header is percent-encoded, so the name can be written in many ways."""
        client_id = crm.application.client_id
        for place in range(5):
            spelled = client_id[:place] + f"%{ord(client_id[place]):02x}" + client_id[place + 1 :]
            header = base64.b64encode(f"{spelled}:guess".encode()).decode()
            client = Client(headers={"authorization": f"Basic {header}"})
            assert client.post("/connect/token", {"grant_type": "client_credentials"}).status_code == 401
        assert self.token(crm, crm.client_secret).status_code == 429

    def test_how_the_header_is_written_is_not_for_the_form_to_say(self, crm):
        name_and_secret = f"{crm.application.client_id}:{crm.client_secret}".encode("utf-16")
        header = base64.b64encode(name_and_secret).decode()
        client = Client(headers={"authorization": f"Basic {header}"})
        answer = client.post("/connect/token", {"grant_type": "client_credentials", "encoding": "utf-16"})
        assert answer.status_code in (400, 401)

    def test_one_name_in_both_places_is_one(self, crm):
        header = base64.b64encode(f"{crm.application.client_id}:{crm.client_secret}".encode()).decode()
        client = Client(headers={"authorization": f"Basic {header}"})
        body = {"grant_type": "client_credentials", "client_id": crm.application.client_id}
        assert client.post("/connect/token", body).status_code == 200

    def test_nothing_of_the_secret_is_kept(self, crm):
        self.token(crm, "a-typed-secret", basic=False)
        row = str(AccessAttempt.objects.values().get())
        assert "a-typed-secret" not in row
        assert crm.application.client_id not in row
