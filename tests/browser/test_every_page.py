"""Every admin page, on desktop and phone, light and dark: it fits, is accessible and has no errors."""

import pytest
from django.contrib import admin
from django.urls import reverse
from playwright.sync_api import expect

from accounts.models import Participant
from devstack.demo.loading import load
from tests.browser.browsing import allows_nothing_unsafe, in_both_schemes, scrolls_sideways, settle

WINDOWS = {
    "desk": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}


def names(suffix):
    """Return the URL names of this kind for every model registered in the admin."""
    return [f"admin:{model._meta.app_label}_{model._meta.model_name}_{suffix}" for model in admin.site._registry]


@pytest.fixture
def demo(default_schemas):
    """The demo data; returns a member with all permissions."""
    load(contacts=40)
    return Participant.objects.get(name="Zurich").members.get(user__username="admin")


@pytest.fixture
def look(open_page, sign_in, axe, live_server):
    """Open a page in a viewport and return what is wrong with it."""

    def check(page, address):
        answer = page.goto(address)
        assert answer is not None
        if answer.status != 200:
            return [f"{address}: status {answer.status}"]
        settle(page)
        wrong = []
        if not allows_nothing_unsafe(answer):
            wrong.append(f"{address}: the policy allows what is unsafe")
        for scheme in in_both_schemes(page):
            if scrolls_sideways(page):
                wrong.append(f"{address}, {scheme}: wider than the window")
            try:
                axe(page)
            except AssertionError as error:
                wrong.append(f"{scheme}: {error}")
        return wrong

    return check


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_every_list(open_page, sign_in, demo, look, window):
    page = open_page(**window)
    sign_in(page, demo)
    wrong = [fault for name in names("changelist") for fault in look(page, reverse(name))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", ["de", "fr", "it"])
def test_a_page_says_in_which_language_it_is(open_page, sign_in, make_member, language):
    page = open_page(locale=f"{language}-CH")
    page.goto("/admin/login/")
    expect(page.locator("html")).to_have_attribute("lang", language)
    sign_in(page, make_member())
    page.goto("/admin/")
    expect(page.locator("html")).to_have_attribute("lang", language)
