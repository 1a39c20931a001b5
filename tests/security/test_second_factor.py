"""The second factor: set-up, verification, enforcement and reset."""

import base64
import re
from datetime import timedelta
from importlib import import_module
from io import StringIO
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp

from accounts.actor import system_actor
from accounts.models import Authenticator, ClientApplication, RecoveryCode
from accounts.sealing import UnreadableSecretError, opened
from accounts.tasks import clean_up
from contacts.services.logins import open_login

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PASSWORD = "secret-for-tests"
SETUP, CODE = "/connect/second-factor/setup", "/connect/second-factor"


@pytest.fixture
def anna(make_member):
    return make_member("anna")


def password_given(username="anna", password=PASSWORD):
    browser = Client()
    return browser, browser.post("/connect/login?next=/admin/", {"username": username, "password": password})


def is_open(browser):
    return browser.get("/admin/").status_code == 200


def code_now(device, steps=0):
    """What the authenticator shows, or showed and will show some steps away."""
    return f"{totp(device.bin_key, drift=steps):06d}"


def set_up(browser):
    """Sets a second factor up in a browser that may; the recovery codes that it shows."""
    browser.get(SETUP)
    device = Authenticator.objects.get(confirmed=False)
    page = browser.post(SETUP, {"code": code_now(device)})
    # The next code may be one of the same half minute.
    Authenticator.objects.update(last_t=-1)
    return re.findall(r"<code>([a-z0-9-]{19})</code>", page.content.decode())


@pytest.fixture
def recovery_codes(anna):
    browser, _answer = password_given()
    return set_up(browser)


@pytest.fixture
def device(recovery_codes):
    return Authenticator.objects.get()


class TestSettingUp:
    def test_the_page_shows_a_picture_and_the_key_to_type(self, anna):
        browser, _answer = password_given()
        page = browser.get(SETUP).content.decode()
        device = Authenticator.objects.get()
        assert "<svg" in page
        assert device.config_url.startswith("otpauth://totp/Kontor")
        key = device.config_url.partition("secret=")[2].partition("&")[0]
        assert key in page.replace(" ", "")
        assert browser.get(SETUP).headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")

    def test_a_wrong_code_sets_up_nothing(self, anna):
        browser, _answer = password_given()
        browser.get(SETUP)
        assert b'role="alert"' in browser.post(SETUP, {"code": "000000"}).content
        assert not Authenticator.objects.filter(confirmed=True).exists()
        assert password_given()[1]["Location"] == "/admin/"

    def test_recovery_codes_are_shown_once_and_kept_as_hashes(self, recovery_codes):
        assert len(set(recovery_codes)) == 10
        kept = str(list(RecoveryCode.objects.values()))
        assert not any(code in kept or code.replace("-", "") in kept for code in recovery_codes)

    def test_the_other_sessions_of_the_login_end_and_those_of_others_do_not(self, anna, make_member):
        make_member("ben")
        here, elsewhere, of_ben = (password_given(name)[0] for name in ("anna", "anna", "ben"))
        assert all(is_open(browser) for browser in (here, elsewhere, of_ben))
        set_up(here)
        assert is_open(here)
        assert not is_open(elsewhere)
        assert is_open(of_ben)

    def test_a_key_that_another_session_has_seen_is_not_the_owner_s(self, anna):
        thief, _answer = password_given()
        thief.get(SETUP)
        seen = Authenticator.objects.get()
        anna.user.set_password("another-secret-for-tests")
        anna.user.save()
        owner, _answer = password_given(password="another-secret-for-tests")
        owner.get(SETUP)
        assert Authenticator.objects.get().bin_key != seen.bin_key
        owner.post(SETUP, {"code": code_now(seen)})
        assert not Authenticator.objects.filter(confirmed=True).exists()

    def test_a_session_confirms_no_key_that_it_has_not_shown(self, anna):
        here, elsewhere = (password_given()[0] for _one in range(2))
        elsewhere.get(SETUP)
        here.post(SETUP, {"code": code_now(Authenticator.objects.get())})
        assert not Authenticator.objects.filter(confirmed=True).exists()

    def test_contacts_have_none(self, make_contact):
        contact = make_contact(username="johanna")
        user = open_login(actor=system_actor("tests"), contact_id=contact.pk)
        user.set_password(PASSWORD)
        user.save()
        browser, answer = password_given("johanna")
        assert answer.status_code == 302
        assert browser.get(SETUP).status_code == 302
        browser.post(SETUP, {"code": "000000"})
        assert not Authenticator.objects.exists()

    def test_nobody_sets_one_up_who_is_not_signed_in(self):
        for address in (SETUP, CODE):
            assert Client().get(address)["Location"].startswith("/connect/login")
            assert Client().post(address, {"code": "000000"})["Location"].startswith("/connect/login")


class TestGiving:
    def test_the_password_alone_opens_nothing(self, device):
        browser, answer = password_given()
        assert answer["Location"] == f"{CODE}?next=%2Fadmin%2F"
        assert not is_open(browser)
        assert browser.get(SETUP)["Location"].startswith(CODE)
        assert browser.post(SETUP, {"what": "remove", "code": "000000"}).status_code == 200
        assert Authenticator.objects.filter(confirmed=True).exists()

    def test_with_the_code_one_is_in(self, device):
        browser, answer = password_given()
        done = browser.post(answer["Location"], {"code": code_now(device), "next": "/admin/"})
        assert (done.status_code, done["Location"]) == (302, "/admin/")
        assert is_open(browser)

    def test_a_code_counts_once(self, device):
        code = code_now(device)
        first, answer = password_given()
        assert first.post(answer["Location"], {"code": code}).status_code == 302
        second, answer = password_given()
        assert second.post(answer["Location"], {"code": code}).status_code == 200
        assert not is_open(second)

    @pytest.mark.parametrize("code", ["", "12345", "abcdef", "0" * 40, "１２３４５６", "-1", "1e5", "\x00"])
    def test_what_is_no_code_is_refused(self, device, code):
        browser, _answer = password_given()
        assert browser.post(CODE, {"code": code}).status_code == 200
        assert not is_open(browser)

    @pytest.mark.parametrize("form", ["spaces", "arabic", "full width", "hyphen"])
    def test_a_code_is_accepted_however_its_digits_are_written(self, device, form):
        code = code_now(device)
        written = {
            "arabic": code.translate({ord("0") + digit: 0x0660 + digit for digit in range(10)}),
            "full width": code.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)}),
            "hyphen": f"{code[:3]}-{code[3:]}",
        }.get(form, f"{code[:3]} {code[3:]}\u00a0")
        browser, _answer = password_given()
        assert browser.post(CODE, {"code": written}).status_code == 302

    @pytest.mark.parametrize(
        "typed", ["", "12345", "1234567", "abcdef", "12345o", "abcd-efgh-jkmn", "0000-0000-0000-0000"]
    )
    def test_what_has_the_form_of_no_code_costs_no_attempt(self, device, typed):
        browser, _answer = password_given()
        page = browser.post(CODE, {"code": typed})
        assert (page.status_code, "six digits" in page.content.decode()) == (200, True)
        assert Authenticator.objects.get().throttling_failure_count == 0
        assert browser.post(CODE, {"code": code_now(device)}).status_code == 302

    def test_wrong_codes_slow_the_next_one_down_even_the_right_one(self, device):
        browser, _answer = password_given()
        assert browser.post(CODE, {"code": "000000"}).status_code == 200
        Authenticator.objects.update(throttling_failure_count=6, throttling_failure_timestamp=timezone.now())
        slowed = browser.post(CODE, {"code": code_now(device)})
        assert slowed.status_code == 429
        assert 25 <= int(slowed["Retry-After"]) <= 32
        Authenticator.objects.update(throttling_failure_timestamp=timezone.now() - timedelta(seconds=40))
        assert browser.post(CODE, {"code": code_now(device)}).status_code == 302

    def test_guessing_recovery_codes_is_slowed_down_too(self, device):
        browser, _answer = password_given()
        assert browser.post(CODE, {"code": "abcd-efgh-jkmn-pqrs"}).status_code == 200
        assert Authenticator.objects.get().throttling_failure_count == 1
        assert browser.post(CODE, {"code": "abcd-efgh-jkmn-pqrs"}).status_code == 429

    def test_a_recovery_code_counts_once_however_it_is_written(self, recovery_codes):
        code = recovery_codes[3]
        for written, expected in ((f" {code.upper()} ", 302), (code, 200)):
            browser, _answer = password_given()
            assert browser.post(CODE, {"code": written}).status_code == expected
        assert RecoveryCode.objects.count() == 9

    def test_the_step_between_does_not_last(self, device, monkeypatch):
        browser, _answer = password_given()
        session = browser.session
        session["login_pending"] = {**session["login_pending"], "until": 0}
        session.save()
        assert browser.post(CODE, {"code": code_now(device)})["Location"].startswith("/connect/login")

    def test_a_code_of_somebody_else_is_refused(self, device, make_member):
        make_member("ben")
        browser, _answer = password_given("ben")
        set_up(browser)
        other, _answer = password_given("ben")
        assert other.post(CODE, {"code": code_now(device)}).status_code == 200

    def test_one_is_sent_on_to_our_own_pages_alone(self, device):
        browser, _answer = password_given()
        done = browser.post(CODE, {"code": code_now(device), "next": "https://evil.example/"})
        assert done["Location"] == "/admin/"

    def test_the_door_of_applications_asks_for_it_too(self, device):
        portal = ClientApplication.objects.create(
            name="portal",
            client_type=ClientApplication.CLIENT_PUBLIC,
            authorization_grant_type=ClientApplication.GRANT_AUTHORIZATION_CODE,
            redirect_uris="https://portal.example/done",
            allowed_scopes="contacts.read",
        )
        query = {"response_type": "code", "client_id": portal.client_id, "scope": "contacts.read"}
        query |= {"code_challenge": "x" * 43, "code_challenge_method": "S256"}
        authorize = f"/connect/authorize?{urlencode(query)}"
        browser = Client()
        to_login = browser.get(authorize)["Location"]
        step = browser.post(to_login, {"username": "anna", "password": PASSWORD})
        assert step["Location"].startswith(CODE)
        assert browser.get(authorize)["Location"].startswith("/connect/login")
        done = browser.post(step["Location"], {"code": code_now(device)})
        assert done["Location"] == authorize
        consent = browser.get(authorize)
        assert "Allow portal?" in consent.content.decode()


class TestRequired:
    @pytest.fixture(autouse=True)
    def _required(self, settings):
        settings.REQUIRE_SECOND_FACTOR = True

    def test_who_has_none_sets_one_up_before_anything_else(self, anna):
        browser, answer = password_given()
        assert answer["Location"].startswith(SETUP)
        assert not is_open(browser)
        assert len(set_up(browser)) == 10
        assert is_open(browser)

    def test_a_session_of_before_is_sent_to_set_one_up(self, anna, admin_of, settings):
        browser = admin_of(anna)
        for address in ("/admin/", "/admin/contacts/contact/", "/connect/authorize"):
            assert browser.get(address)["Location"].startswith(CODE)
        assert browser.get(CODE)["Location"].startswith(SETUP)
        set_up(browser)
        assert is_open(browser)

    def test_members_that_are_no_staff_need_one_and_contacts_do_not(self, make_member, make_contact):
        make_member("outside", is_staff=False)
        assert password_given("outside")[1]["Location"].startswith(SETUP)
        contact = make_contact(username="johanna")
        user = open_login(actor=system_actor("tests"), contact_id=contact.pk)
        user.set_password(PASSWORD)
        user.save()
        assert not password_given("johanna")[1]["Location"].startswith(SETUP)

    def test_it_is_not_taken_away_by_its_owner(self, recovery_codes, device):
        browser, _answer = password_given()
        browser.post(CODE, {"code": code_now(device)})
        Authenticator.objects.update(last_t=-1)
        browser.post(SETUP, {"code": code_now(device), "what": "remove"})
        assert Authenticator.objects.filter(confirmed=True).exists()


class TestLosing:
    def test_an_operator_resets_it(self, device):
        told = StringIO()
        call_command("reset_second_factor", "Anna", stdout=told)
        assert told.getvalue() == "Removed.\n"
        assert (Authenticator.objects.count(), RecoveryCode.objects.count()) == (0, 0)
        assert is_open(password_given()[0])
        call_command("reset_second_factor", "anna", stdout=told)
        assert "There was no second factor." in told.getvalue()
        with pytest.raises(CommandError, match="no login"):
            call_command("reset_second_factor", "nobody")

    def test_its_owner_makes_new_recovery_codes_with_a_code(self, recovery_codes, device):
        browser, _answer = password_given()
        browser.post(CODE, {"code": recovery_codes[0]})
        page = browser.post(SETUP, {"code": recovery_codes[1], "what": "codes"}).content.decode()
        new = re.findall(r"<code>([a-z0-9-]{19})</code>", page)
        assert len(new) == 10
        assert not set(new) & set(recovery_codes)
        other, _answer = password_given()
        assert other.post(CODE, {"code": recovery_codes[2]}).status_code == 200

    def test_its_owner_takes_it_away_with_a_code_alone(self, recovery_codes, device):
        browser, _answer = password_given()
        browser.post(CODE, {"code": recovery_codes[0]})
        browser.post(SETUP, {"code": "000000", "what": "remove"})
        assert Authenticator.objects.exists()
        Authenticator.objects.update(throttling_failure_timestamp=None)
        browser.post(SETUP, {"code": recovery_codes[1], "what": "remove"})
        assert not Authenticator.objects.exists()
        assert is_open(browser)

    def test_the_admin_shows_no_key(self, device, make_member, admin_of):
        browser = admin_of(make_member("boss", is_superuser=True))
        assert browser.get("/admin/otp_totp/totpdevice/").status_code == 404


class TestKeys:
    """What a reader of the database finds shows no codes."""

    def test_the_key_is_stored_encrypted_for_its_owner(self, device, make_member):
        assert device.bin_key.hex() not in device.key
        assert base64.b32encode(device.bin_key).decode() not in device.key
        # The row of somebody else is worth nothing.
        with pytest.raises(UnreadableSecretError):
            opened(device.key, owner=make_member("ben").user_id)

    def test_one_from_before_works_and_is_encrypted_within_the_hour(self, device):
        key = device.bin_key
        Authenticator.objects.update(key=key.hex())
        assert is_open(signed_in(device))
        clean_up()
        kept = Authenticator.objects.get()
        assert (kept.bin_key, kept.key.startswith("1:")) == (key, True)
        assert is_open(signed_in(kept))

    def test_keys_are_rotated(self, device, settings):
        settings.AUTHENTICATOR_KEYS = ["new", settings.SECRET_KEY]
        assert is_open(signed_in(device))
        told = StringIO()
        call_command("rotate_authenticator_keys", stdout=told)
        call_command("rotate_authenticator_keys", stdout=told)
        assert told.getvalue() == "1 encrypted again.\n0 encrypted again.\n"
        settings.AUTHENTICATOR_KEYS = ["new"]
        assert is_open(signed_in(Authenticator.objects.get()))

    def test_the_secret_key_is_rotated_by_its_fallbacks(self, device, settings):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 10, [settings.SECRET_KEY]
        assert is_open(signed_in(device))
        call_command("rotate_authenticator_keys", stdout=StringIO())
        settings.SECRET_KEY_FALLBACKS = []
        assert is_open(signed_in(Authenticator.objects.get()))

    def test_a_login_between_its_two_steps_survives_another_secret_key(self, device, settings):
        browsers = [password_given()[0] for _number in range(2)]
        former = settings.SECRET_KEY
        settings.SECRET_KEY, settings.AUTHENTICATOR_KEYS = "another" * 10, [former]
        browsers[0].post(CODE, {"code": code_now(device)})
        assert not is_open(browsers[0])
        settings.SECRET_KEY_FALLBACKS = [former]
        browsers[1].post(CODE, {"code": code_now(device)})
        assert is_open(browsers[1])

    def test_a_key_that_is_missing_is_said_so(self, device, settings):
        settings.AUTHENTICATOR_KEYS = ["another"]
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("rotate_authenticator_keys")

    def test_the_migration_encrypts_what_is_stored_and_back(self, device):
        key = device.bin_key
        migration = import_module("accounts.migrations.0016_encrypted_authenticators")
        migration.decrypt(apps, None)
        assert Authenticator.objects.get().key == key.hex()
        migration.encrypt(apps, None)
        assert Authenticator.objects.get().key != key.hex()
        assert Authenticator.objects.get().bin_key == key


def signed_in(device):
    """A browser with both factors."""
    Authenticator.objects.update(last_t=-1)
    browser, _answer = password_given()
    browser.post(CODE, {"code": code_now(device)})
    return browser
