"""The search box of every page: few keys from what somebody knows to the person's page."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.fixtures import details

WORK = ("view_contact", "view_contactgroup")


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=WORK)


@pytest.fixture
def reto(make_contact, anna):
    person = {"firstName": "Reto", "lastName": "Nägeli", "displayName": "Reto Nägeli"}
    reach = {"mobile": "+41 79 555 01 42", "email": "post9@example.ch"}
    return make_contact(details(personalInformation=person, contactInformation=reach), members=[anna])


def test_anna_finds_a_person_by_a_phone_number_and_by_a_misspelt_name(page, sign_in, anna, reto, make_contact, axe):
    make_contact(details(personalInformation={"displayName": "Reto Nägeli of others"}))
    address = reverse("admin:contacts_contact_change", args=[reto.pk])
    sign_in(page, anna)
    page.goto(reverse("admin:index"))

    page.keyboard.press("/")
    page.keyboard.type("5550142")
    hit = page.get_by_role("option")
    expect(hit).to_have_count(1)
    expect(hit).to_contain_text("Reto Nägeli")
    expect(hit).to_contain_text("Mobile")
    axe(page)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")

    page.keyboard.press("Control+k")
    # What was opened before is there at once, and the browser has kept no name of it.
    expect(hit).to_contain_text("Reto Nägeli")
    assert "geli" not in page.evaluate("JSON.stringify(localStorage)")
    page.keyboard.type("Naegelli")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")
    expect(page.get_by_role("heading", name="Reto Nägeli", exact=True)).to_be_visible()


def test_the_box_opens_by_its_button_goes_by_arrows_and_closes_by_escape(page, sign_in, anna, reto, make_contact):
    make_contact(details(personalInformation={"firstName": "Retina", "displayName": "Retina Alp"}), members=[anna])
    sign_in(page, anna)
    page.goto(reverse("admin:contacts_contact_changelist"))
    page.get_by_role("button", name="Search").first.click()
    box, hits = page.get_by_role("combobox", name="Find contacts"), page.get_by_role("option")
    expect(box).to_be_focused()
    box.fill("ret")
    expect(hits).to_have_count(2)
    expect(hits.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(hits.last).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", "k-found-2")
    box.fill("nobody of this name")
    expect(hits).to_have_text(["No results matching your query"])
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
