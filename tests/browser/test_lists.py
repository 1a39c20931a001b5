"""Keyboard operation of the admin lists."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

LIST = "admin:accounts_member_changelist"


@pytest.fixture
def boss(make_member):
    return make_member("boss", is_superuser=True, sees_all_contacts=True)


def test_the_filters_open_and_close_by_keys_and_the_focus_goes_along(page, sign_in, boss, axe):
    sign_in(page, boss)
    page.goto(reverse(LIST))
    filters = page.get_by_role("button", name="Filters", exact=True)
    filters.focus()
    page.keyboard.press("Enter")
    panel = page.locator("#changelist-filter")
    expect(panel).to_be_visible()
    expect(panel.locator(":focus")).to_have_count(1)
    expect(filters).to_have_attribute("aria-expanded", "true")
    axe(page)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(filters).to_be_focused()


def test_the_menu_opens_and_closes_by_keys_on_a_phone(phone_page, sign_in, boss):
    sign_in(phone_page, boss)
    phone_page.goto(reverse(LIST))
    menu, entry = phone_page.get_by_role("button", name="Menu"), phone_page.get_by_role("link", name="Contact groups")
    expect(entry).to_be_hidden()
    menu.focus()
    phone_page.keyboard.press("Enter")
    expect(entry.first).to_be_visible()
    phone_page.keyboard.press("Escape")
    expect(entry.first).to_be_hidden()


def test_an_empty_list_tells_whether_a_search_made_it_so(page, sign_in, boss):
    sign_in(page, boss)
    page.goto(reverse("admin:contactgroups_contactgroup_changelist"))
    expect(page.get_by_role("heading", name="There is nothing here yet")).to_be_visible()
    expect(page.get_by_role("link", name="Show everything")).to_have_count(0)
    page.goto(reverse(LIST) + "?q=nobody")
    expect(page.get_by_role("heading", name="Nothing was found")).to_be_visible()
    page.get_by_role("link", name="Show everything").click()
    expect(page.get_by_role("link", name="boss")).to_be_visible()
