"""Signing in, by mouse and keyboard."""

import re

import pytest
from playwright.sync_api import expect

LOGIN = "/admin/login/?next=/admin/"
POLICY = {"Content-Security-Policy": "script-src 'self'"}


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=["view_contact"])


def test_signing_in_with_the_mouse(page, live_server, anna, axe):
    page.goto(LOGIN)
    axe(page)
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill("secret-for-tests")
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{live_server.url}/admin/")


def test_signing_in_with_the_keyboard_alone(page, live_server, anna):
    page.goto(LOGIN)
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("anna")
    page.keyboard.press("Tab")
    page.keyboard.type("secret-for-tests")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}/admin/")


def test_a_wrong_password_is_told(phone_page, anna, axe):
    phone_page.goto(LOGIN)
    phone_page.get_by_label("Username").fill("anna")
    phone_page.get_by_label("Password").fill("no secret")
    phone_page.get_by_role("button", name="Log in").tap()
    expect(phone_page.get_by_text("Please enter a correct username and password")).to_be_visible()
    axe(phone_page)


def test_a_session_needs_no_form(page, sign_in, anna, live_server):
    sign_in(page, anna)
    page.goto("/admin/")
    expect(page).to_have_url(f"{live_server.url}/admin/")


def test_axe_works_where_a_policy_forbids_scripts_and_says_what_is_wrong(page, axe):
    body = "<!doctype html><html><title>x</title><main><h1>x</h1><img src='data:,'></main></html>"
    page.route("**/bad/", lambda route: route.fulfill(body=body, headers=POLICY))
    page.goto("/bad/")
    with pytest.raises(AssertionError, match=re.compile("html-has-lang.*image-alt", re.S)):
        axe(page)


def test_a_script_that_the_policy_forbids_is_a_complaint(page, complaints):
    body = "<!doctype html><html lang='en'><title>x</title><script>1</script></html>"
    page.route("**/bad/", lambda route: route.fulfill(body=body, headers=POLICY))
    page.goto("/bad/")
    with pytest.raises(AssertionError, match="Content Security Policy"):
        complaints.assert_as_expected()
    complaints.expect("Content Security Policy")
