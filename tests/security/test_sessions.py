"""User sessions: renewed at login, expired after a while, ended everywhere when the password changes."""

import time
from urllib.parse import urlencode

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import ClientApplication

pytestmark = pytest.mark.django_db

PASSWORD = "secret-for-tests"


@pytest.fixture
def anna(make_member):
    return make_member("anna")


def signed_in():
    browser = Client()
    assert browser.post("/connect/login", {"username": "anna", "password": PASSWORD}).status_code == 302
    return browser


def is_open(browser):
    return browser.get("/admin/").status_code == 200


def set_back(browser, name, seconds):
    session = browser.session
    session[name] = int(time.time()) - seconds
    session.save()


def test_the_session_is_another_one_after_the_login(anna):
    browser = Client()
    session = browser.session
    session["planted"] = True
    session.save()
    browser.cookies["sessionid"] = planted = session.session_key
    browser.post("/connect/login", {"username": "anna", "password": PASSWORD})
    assert browser.cookies["sessionid"].value != planted
    thief = Client()
    thief.cookies["sessionid"] = planted
    assert not is_open(thief)


def test_a_session_that_nobody_uses_ends(anna, settings):
    browser = signed_in()
    set_back(browser, "seen", settings.SESSION_IDLE_SECONDS - 10)
    assert is_open(browser)
    set_back(browser, "seen", settings.SESSION_IDLE_SECONDS + 1)
    assert not is_open(browser)
    assert Session.objects.count() == 0


def test_a_session_ends_after_a_day_however_much_it_is_used(anna, settings):
    browser = signed_in()
    set_back(browser, "began", settings.SESSION_COOKIE_AGE + 1)
    assert not is_open(browser)


def test_using_it_keeps_it_and_writes_it_once_a_minute(anna, count_queries):
    browser = signed_in()
    set_back(browser, "seen", 100)
    with count_queries() as first:
        assert is_open(browser)
    assert browser.session["seen"] >= int(time.time()) - 5
    with count_queries() as second:
        assert is_open(browser)
    writes = ['UPDATE "django_session"' in str(queries.captured_queries) for queries in (first, second)]
    assert writes == [True, False]


def test_the_idle_session_does_not_open_the_door_for_applications_either(anna, settings):
    portal = ClientApplication.objects.create(
        name="portal",
        client_type=ClientApplication.CLIENT_PUBLIC,
        authorization_grant_type=ClientApplication.GRANT_AUTHORIZATION_CODE,
        redirect_uris="https://portal.example/done",
        allowed_scopes="contacts.read",
    )
    query = {"response_type": "code", "client_id": portal.client_id, "scope": "contacts.read"}
    query |= {"code_challenge": "x" * 43, "code_challenge_method": "S256"}
    door = f"/connect/authorize?{urlencode(query)}"
    browser = signed_in()
    assert browser.get(door).status_code == 200
    set_back(browser, "seen", settings.SESSION_IDLE_SECONDS + 1)
    assert "/connect/login" in browser.get(door)["Location"]


def test_a_new_password_ends_the_sessions_everywhere_else(anna):
    here, elsewhere = signed_in(), signed_in()
    new = "another-secret-for-tests"
    sent = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert here.post("/admin/password_change/", sent).status_code == 302
    assert is_open(here)
    assert not is_open(elsewhere)


def test_logging_out_ends_the_session_itself(anna):
    browser = signed_in()
    copy = Client()
    copy.cookies["sessionid"] = browser.cookies["sessionid"].value
    assert is_open(copy)
    browser.post("/admin/logout/")
    assert not is_open(copy)


def test_a_closed_login_is_out_at_once(anna):
    browser = signed_in()
    anna.user.is_active = False
    anna.user.save()
    assert not is_open(browser)


def test_forms_need_the_token_against_foreign_pages(anna):
    browser = Client(enforce_csrf_checks=True)
    assert browser.post("/connect/login", {"username": "anna", "password": PASSWORD}).status_code == 403


def test_the_cookies_are_out_of_reach_of_scripts(anna):
    browser = signed_in()
    browser.get("/admin/password_change/")
    for name in ("sessionid", "csrftoken"):
        assert browser.cookies[name]["httponly"]
        assert browser.cookies[name]["samesite"] == "Lax"
