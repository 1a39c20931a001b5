"""Nobody is created twice: from a phone number, half a name, or a form that somebody fills in anyway."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from accounts.actor import system_actor
from contacts.models import Contact
from matching.models import Pair
from matching.searching import run_search, start_search
from tests.browser.browsing import in_both_schemes, scrolls_sideways
from tests.fixtures import details

WORK = ("view_contact", "add_contact", "change_contact_details", "view_pair", "change_pair", "add_pair")
RETO = {"firstName": "Reto", "lastName": "Nägeli", "displayName": "Reto Nägeli", "dateOfBirth": "1980-02-09"}
REACH = {"mobile": "+41 79 555 01 42", "email": "post9@example.ch"}
ADD = "/admin/contacts/contact/add/"


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=WORK)


@pytest.fixture
def reto(make_contact, anna):
    return make_contact(details(personalInformation=RETO, contactInformation=REACH), members=[anna])


def fill(page):
    page.goto(ADD)
    page.get_by_label("Username").fill("reto")
    page.get_by_label("First name").fill("Reto")
    page.get_by_label("Last name").fill("Naegeli")
    page.get_by_label("Date of birth").fill("1980-02-09")
    page.get_by_role("button", name="Create").click()


def test_anna_finds_who_is_there_and_uses_the_one_that_she_would_have_created_again(page, sign_in, anna, reto, axe):
    address = reverse("admin:contacts_contact_change", args=[reto.pk])
    sign_in(page, anna)
    page.goto(reverse("admin:index"))
    for typed in ("5550142", "Naegelli"):
        page.keyboard.press("Control+k")
        page.keyboard.type(typed)
        expect(page.get_by_role("option")).to_contain_text("Reto Nägeli")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{address}")
        page.goto(reverse("admin:index"))

    fill(page)
    expect(page.get_by_role("heading", name="Is this the same person?")).to_be_visible()
    expect(page.get_by_text("Probably the same person")).to_be_visible()
    expect(page.get_by_text("Agrees: Date of birth, Last name, First name")).to_be_visible()
    for scheme in in_both_schemes(page):
        axe(page)
        assert scheme
    # What was typed is still there.
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("Last name")).to_have_value("Naegeli")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name="Use this one").click()
    page.wait_for_url(f"**{address}")
    assert Contact.objects.count() == 1


def test_anna_says_why_it_is_somebody_else_and_the_list_knows(page, sign_in, anna, reto, complaints):
    complaints.expect("status of 422")
    sign_in(page, anna)
    fill(page)
    go_on = page.get_by_role("button", name="Not the same person: create")
    go_on.click()
    expect(page.get_by_text("Say why")).to_be_visible()
    page.get_by_label("Not the same person, because").fill("His cousin of the same age.")
    go_on.click()
    expect(page.get_by_text("was created.")).to_be_visible()
    page.goto(reverse("admin:matching_pair_changelist"))
    expect(page.get_by_text("0 possible duplicates")).to_be_visible()
    page.goto(f"{reverse('admin:matching_pair_changelist')}?state=distinct")
    expect(page.get_by_text("His cousin of the same age.")).to_be_visible()


def test_the_list_and_a_pair_are_usable_on_a_phone_by_day_and_by_night(
    phone_page, sign_in, anna, reto, make_contact, axe
):
    make_contact(details(personalInformation=RETO | {"lastName": "Naegeli"}), members=[anna])
    run_search(start_search(actor=system_actor("tests")).pk)
    pair = Pair.objects.get()
    sign_in(phone_page, anna)
    for address in (reverse("admin:matching_pair_changelist"), reverse("admin:matching_pair_change", args=[pair.pk])):
        phone_page.goto(address)
        for scheme in in_both_schemes(phone_page):
            assert not scrolls_sideways(phone_page), (address, scheme)
            axe(phone_page)
    fill(phone_page)
    for scheme in in_both_schemes(phone_page):
        assert not scrolls_sideways(phone_page), scheme
        axe(phone_page)


def test_selected_pairs_are_told_apart_together(page, sign_in, anna, reto, make_contact, axe):
    for _ in range(2):
        make_contact(details(personalInformation=RETO), members=[anna])
    run_search(start_search(actor=system_actor("tests")).pk)
    sign_in(page, anna)
    page.goto(reverse("admin:matching_pair_changelist"))
    for number in range(2):
        page.locator("input.action-select").nth(number).check()
    page.locator("select[name=action]").select_option("distinguish_selected")
    page.get_by_role("button", name="Run").click()
    axe(page)
    page.get_by_label("Not the same person, because").fill("Triplets.")
    page.get_by_role("button", name="Not the same person").click()
    expect(page.get_by_text("2 pairs are not shown again")).to_be_visible()
    assert Pair.objects.filter(is_open=True).count() == 1
