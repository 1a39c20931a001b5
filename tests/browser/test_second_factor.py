"""The pages of the second factor, on desktop and phone."""

import pytest
from django_otp.oath import totp
from playwright.sync_api import expect

from accounts.models import Authenticator
from tests.browser.browsing import scrolls_sideways


@pytest.fixture
def anna(make_member, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    return make_member("anna", permissions=["view_contact"])


def log_in(page):
    page.goto("/admin/")
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill("secret-for-tests")
    page.get_by_role("button", name="Log in").click()


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}])
def test_setting_it_up_and_giving_it(open_page, anna, axe, live_server, options):
    page = open_page(**options)
    log_in(page)
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    expect(page.get_by_role("img", name="QR code of the key").locator("svg")).to_be_visible()
    axe(page)
    assert not scrolls_sideways(page)
    page.get_by_text("Or type the key").click()
    assert not scrolls_sideways(page)
    page.get_by_label("Enter the six digits").fill("000000")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("The code is not right")
    Authenticator.objects.update(throttling_failure_timestamp=None)
    page.get_by_label("Enter the six digits").fill(f"{totp(Authenticator.objects.get().bin_key):06d}")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    axe(page)
    assert not scrolls_sideways(page)
    code = page.locator(".codes code").first.inner_text()
    page.get_by_role("link", name="I have noted them").click()
    expect(page).to_have_url(f"{live_server.url}/admin/")

    other = open_page(**options)
    log_in(other)
    expect(other.get_by_role("heading", name="Second factor")).to_be_visible()
    axe(other)
    assert not scrolls_sideways(other)
    other.get_by_label("Code").fill(code)
    other.keyboard.press("Enter")
    expect(other).to_have_url(f"{live_server.url}/admin/")
    other.goto("/connect/second-factor/setup")
    axe(other)
    assert not scrolls_sideways(other)
