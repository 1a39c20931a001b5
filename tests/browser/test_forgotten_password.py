"""Forgotten passwords and locked logins, at a desk and on a phone."""

import re

import pytest
from django.core import mail
from playwright.sync_api import expect

from accounts.models import Notice, User
from administration.notices import deliver_notice
from tests.browser.browsing import scrolls_sideways

LOGIN = "/connect/login"
CHOSEN = "chosen-by-the-owner-1"


@pytest.fixture
def anna(make_member):
    member = make_member("anna", permissions=["view_contact"])
    User.objects.filter(pk=member.user_id).update(email="anna@bank.example")
    return member


@pytest.fixture(params=["page", "phone_page"])
def shown(request):
    return request.getfixturevalue(request.param)


def log_in(page, password):
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_who_forgot_the_password_sets_another_by_a_link(shown, live_server, anna, axe, settings):
    settings.PUBLIC_URL = live_server.url
    shown.goto(LOGIN)
    shown.get_by_role("link", name="Forgot your password?").click()
    expect(shown.get_by_label("Username")).to_be_focused()
    axe(shown)
    shown.keyboard.type("Anna")
    shown.keyboard.press("Enter")
    expect(shown.get_by_role("status")).to_contain_text("a mail with a link is on its way")
    axe(shown)
    assert not scrolls_sideways(shown)
    deliver_notice(Notice.objects.get().pk)
    link = re.search(r"http\S+", mail.outbox[-1].body)[0]
    shown.goto(link)
    expect(shown.get_by_text("For the login anna.")).to_be_visible()
    axe(shown)
    shown.get_by_label("New password").fill(CHOSEN)
    shown.get_by_label("The same again").fill(CHOSEN)
    shown.get_by_role("button", name="Save").click()
    log_in(shown, CHOSEN)
    expect(shown).to_have_url(f"{live_server.url}/admin/")
    shown.goto(link)
    expect(shown.get_by_role("alert")).to_contain_text("has been used")
    expect(shown.get_by_role("link", name="Have another link sent to you")).to_be_visible()


def test_a_locked_login_says_what_helps(shown, anna, axe, complaints):
    complaints.expect("status of 429")
    for _number in range(5):
        shown.goto(LOGIN)
        log_in(shown, "guess")
    expect(shown.get_by_role("alert")).to_contain_text("Try again in 15 minutes")
    axe(shown)
    assert not scrolls_sideways(shown)
    shown.get_by_role("link", name="Forgot your password?").click()
    expect(shown.get_by_role("heading", name="Forgot your password?")).to_be_visible()


def test_one_changes_the_own_password(page, sign_in, anna, axe):
    sign_in(page, anna)
    page.goto("/admin/password_change/")
    axe(page)
    page.get_by_label("Current password").fill("secret-for-tests")
    page.get_by_label("New password").fill(CHOSEN)
    page.get_by_label("The same again").fill(CHOSEN)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Your password is changed.")
    page.get_by_role("link", name="Continue").click()
    expect(page).to_have_url(re.compile("/admin/$"))


def test_a_locked_login_is_unlocked_on_its_page(page, sign_in, make_member, anna, axe, client):
    for _number in range(5):
        client.post(LOGIN, {"username": "anna", "password": "guess"})
    sign_in(page, make_member("root", is_superuser=True))
    page.goto(f"/admin/accounts/user/{anna.user_id}/change/")
    expect(page.get_by_text("Too many wrong passwords were entered.")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_text("The login is unlocked.")).to_be_visible()
    expect(page.get_by_role("button", name="Unlock")).to_have_count(0)
