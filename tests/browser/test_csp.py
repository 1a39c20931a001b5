"""Every admin page and its controls work under the Content-Security-Policy."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import allows_nothing_unsafe, settle
from tests.security.conftest import *  # noqa: F403 - the same two worlds

# The lists are those of test_every_page.
PAGES = [
    "",
    "password_change/",
    "accounts/clientapplication/add/",
    "accounts/member/add/",
    "accounts/participant/add/",
    "accounts/user/{user}/change/",
    "accounts/user/{user}/history/",
    "auth/group/add/",
    "changerequests/changerequest/{request}/change/",
    "contactgroups/contactgroup/add/",
    "contactgroups/contactgroup/{group}/change/",
    "contactgroups/contactgroup/{empty}/delete/",
    "contacts/contact/?q=person",
    "contacts/contact/{contact}/change/",
    "importexport/importjob/add/",
    "legalentities/legalentity/{entity}/change/",
]


@pytest.fixture
def boss(make_member):
    return make_member("boss", is_superuser=True, sees_all_contacts=True)


@pytest.fixture
def ids(ours, make_group, boss):
    return {
        "user": boss.user_id,
        "request": ours.request.pk,
        "group": ours.group.pk,
        "empty": make_group(ours.contact).pk,
        "contact": ours.contact.pk,
        "entity": ours.legal_entity.pk,
    }


def test_every_page_of_the_admin_opens_without_a_complaint(page, sign_in, boss, ids):
    sign_in(page, boss)
    for path in PAGES:
        answer = page.goto(f"/admin/{path.format(**ids)}")
        assert answer.status == 200, path
        assert allows_nothing_unsafe(answer), path
        # Alpine runs: it has removed the cloak.
        settle(page)


def test_the_sidebar_is_folded_and_stays_so(page, sign_in, boss, ours):
    sign_in(page, boss)
    page.goto("/admin/changerequests/changerequest/")
    page.get_by_text("dock_to_right").first.click()
    expect(page.locator("#nav-sidebar")).to_be_hidden()
    page.reload()
    expect(page.locator("#nav-sidebar")).to_be_hidden()
    page.get_by_text("dock_to_right").first.click()
    expect(page.locator("#nav-sidebar")).to_be_visible()


def test_the_theme_is_switched_and_kept(page, sign_in, boss):
    sign_in(page, boss)
    page.goto("/admin/")
    page.get_by_text("Boss Tester").click()
    page.get_by_text("dark_mode").click()
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    page.reload()
    expect(page.locator("html")).to_have_class(re.compile("dark"))


def test_the_colours_are_those_of_the_settings(page, sign_in, boss):
    sign_in(page, boss)
    page.goto("/admin/")
    colour = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--color-primary-600')")
    assert colour.startswith("oklch(54.6%")


def test_a_phone_opens_the_menu(phone_page, sign_in, boss):
    sign_in(phone_page, boss)
    phone_page.goto("/admin/")
    phone_page.get_by_text("dock_to_right").last.tap()
    expect(phone_page.locator("#nav-sidebar")).to_be_visible()


def test_the_documentation_of_the_api_opens(page, sign_in):
    page.goto("/docs/")
    # The first reader of a process waits until the document is made.
    expect(page.get_by_role("heading", name=re.compile("Kontor"))).to_be_visible(timeout=30_000)
    page.get_by_text("/v1.0/contacts/{contactId}/details").first.click()
    expect(page.get_by_role("button", name="Try it out").first).to_be_visible()


def test_an_injected_script_does_not_run(page, complaints, sign_in, boss, live_server):
    """Defence in depth: even if a page rendered injected markup, no script in it would run."""
    sign_in(page, boss)
    page.goto("/admin/")
    page.evaluate("""() => {
        const box = document.createElement("div");
        box.innerHTML = '<img src="data:," onerror="window.ran = true"><a href="javascript:window.ran = true">x</a>';
        document.body.append(box);
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
    }""")
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran === undefined")
    complaints.expect("Content Security Policy")
