"""Every admin page, on desktop and phone, light and dark: it fits, is accessible and has no errors."""

import pytest
from django.contrib import admin
from django.urls import reverse
from playwright.sync_api import expect

from accounts.models import Participant
from devstack.demo.loading import load
from tests.browser.browsing import scrolls_sideways, settle

DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
WINDOWS = [
    pytest.param({**window, "color_scheme": scheme}, id=f"{name}-{scheme}")
    for name, window in {"desk": DESK, "phone": PHONE}.items()
    for scheme in ("light", "dark")
]


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
        if answer.status == 403:
            return []
        settle(page)
        wrong = [f"{address}: status {answer.status}"] if answer.status != 200 else []
        if scrolls_sideways(page):
            wrong.append(f"{address}: wider than the window")
        try:
            axe(page)
        except AssertionError as error:
            wrong.append(str(error))
        return wrong

    return check


@pytest.mark.parametrize("window", WINDOWS)
def test_every_list(open_page, sign_in, demo, look, window):
    page = open_page(**window)
    sign_in(page, demo)
    wrong = [fault for name in names("changelist") for fault in look(page, reverse(name))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", ["de", "fr", "it"])
def test_a_page_says_in_which_language_it_is(open_page, sign_in, demo, language):
    page = open_page(locale=f"{language}-CH")
    page.goto("/admin/login/")
    expect(page.locator("html")).to_have_attribute("lang", language)
    sign_in(page, demo)
    page.goto("/admin/")
    expect(page.locator("html")).to_have_attribute("lang", language)
