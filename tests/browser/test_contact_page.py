"""Contact pages in a browser: the form with nested rows and look-ups, its errors, and concurrent changes."""

import re

import pytest
from playwright.sync_api import expect

from accounts.actor import system_actor
from changerequests.models import ChangeRequest, Status
from contacts.models import Contact
from contacts.services.changes import patch_details
from tests.browser.browsing import in_both_schemes, scrolls_sideways
from tests.fixtures import details
from tests.requests import changes_of

RIGHTS = ["view_contact", "change_contact_details", "anonymize_contact", "view_contactgroup", "view_changerequest"]


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=[*RIGHTS, "add_contact"])


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(
        details(
            contactInformation={
                "email": "johanna@example.com",
                "addresses": [
                    {"type": "domicile", "city": "Chur", "country": "CH", "state": "CH-GR"},
                    {"type": "business", "city": "Hirzel", "country": "CH", "state": "CH-ZH"},
                ],
            },
            taxInformation={"taxResidencies": [{"country": "CH"}]},
        ),
        members=[anna],
    )


def address_of(contact, page="edit"):
    return f"/admin/contacts/contact/{contact.pk}/{page}/"


def row(page, number, label="Addresses"):
    return page.get_by_role("group", name=f"{label} {number}", exact=True)


def choose(place, label, typed, name):
    """Type into a look-up and choose the item found."""
    field = place.get_by_role("combobox", name=label)
    field.click()
    field.press_sequentially(typed)
    place.get_by_role("option", name=name, exact=True).click()
    expect(field).to_have_value(name)


def addresses_of(contact):
    contact.refresh_from_db()
    return contact.details["contactInformation"]["addresses"]


def test_an_address_is_added_and_another_removed(page, sign_in, anna, contact, axe):
    sign_in(page, anna)
    page.goto(address_of(contact, "change"))
    axe(page)
    page.get_by_role("link", name="Edit").click()
    axe(page)
    page.get_by_role("button", name="Add Addresses").click()
    new = row(page, 3)
    expect(new.get_by_role("combobox", name="Type")).to_be_focused()
    new.get_by_role("combobox", name="Type").select_option(label="Domicile")
    new.get_by_role("textbox", name="City").fill("Lyon")
    state = new.get_by_role("combobox", name="State or canton")
    state.click()
    expect(new.get_by_text("Choose “Country” first")).to_be_visible()
    choose(new, "Country", "fra", "France")
    choose(new, "State", "rhô", "Rhône")
    axe(page)
    # Changing the country clears the state, which belonged to France.
    choose(new, "Country", "switz", "Switzerland")
    expect(state).to_have_value("")
    choose(new, "State", "gen", "Genève")
    row(page, 1).get_by_role("button", name="Remove").click()
    expect(row(page, 3)).to_have_count(0)
    expect(row(page, 1).get_by_role("textbox", name="City")).to_have_value("Hirzel")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("The changes are made.")).to_be_visible()
    assert addresses_of(contact) == [
        {"type": "business", "city": "Hirzel", "country": "CH", "state": "CH-ZH"},
        {"type": "domicile", "city": "Lyon", "country": "CH", "state": "CH-GE"},
    ]


def test_the_form_is_used_with_the_keyboard_alone(page, sign_in, anna, contact):
    sign_in(page, anna)
    page.goto(address_of(contact))
    page.get_by_role("button", name="Add Nationalities").focus()
    page.keyboard.press("Enter")
    field = page.get_by_role("combobox", name="Nationalities 2")
    expect(field).to_be_focused()
    page.keyboard.type("ital")
    expect(page.get_by_role("option", name="Italy")).to_be_visible()
    page.keyboard.press("Enter")
    expect(field).to_have_value("Italy")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("listbox", name="Nationalities 2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(field).to_have_value("Italy")
    page.keyboard.press("Tab")
    expect(row(page, 2, "Nationalities").get_by_role("button", name="Move up")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Nationalities 1")).to_have_value("Italy")
    # The first row can only move down.
    expect(row(page, 1, "Nationalities").get_by_role("button", name="Move down")).to_be_focused()
    page.get_by_role("button", name="Submit").press("Enter")
    expect(page.get_by_text(re.compile("Nothing has changed yet: change request"))).to_be_visible()
    asked = ChangeRequest.objects.get(subject_id=contact.pk, status=Status.PENDING)
    assert changes_of(asked)[0]["target"] == ["IT", "CH"]
    page.get_by_role("link", name=f"change request #{asked.pk}").click()
    expect(page).to_have_url(re.compile(f"/changerequest/{asked.pk}/"))


def test_a_fault_in_a_row_is_told_at_its_field_and_nothing_is_lost(page, sign_in, anna, contact, axe, complaints):
    complaints.expect("status of 422")
    sign_in(page, anna)
    page.goto(address_of(contact))
    page.get_by_role("button", name="Add Addresses").click()
    new = row(page, 3)
    new.get_by_role("textbox", name="Street").fill("Rue du Rhône")
    choose(new, "Country", "fra", "France")
    page.get_by_label("Annual income").fill("a lot")
    page.get_by_label("Comment").fill("Moved to France")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Nothing was changed.")).to_be_visible()
    summary = page.locator("[data-kf-summary]")
    expect(summary).to_be_focused()
    expect(new.get_by_role("textbox", name="Street")).to_have_value("Rue du Rhône")
    expect(new.get_by_role("combobox", name="Country")).to_have_value("France")
    expect(page.get_by_label("Annual income")).to_have_value("a lot")
    expect(page.get_by_label("Comment")).to_have_value("Moved to France")
    city = new.get_by_role("textbox", name="City")
    expect(city).to_have_accessible_description("This field is mandatory.")
    axe(page)
    summary.get_by_role("link", name="City").click()
    expect(city).to_be_focused()
    city.fill("Lyon")
    new.get_by_role("combobox", name="Type").select_option(label="Business")
    page.get_by_label("Annual income").fill("")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("The changes are made.")).to_be_visible()
    assert addresses_of(contact)[2] == {
        "type": "business",
        "street": "Rue du Rhône",
        "city": "Lyon",
        "country": "FR",
    }


def test_untouched_the_form_changes_nothing(page, sign_in, anna, contact):
    sign_in(page, anna)
    page.goto(address_of(contact))
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Nothing was changed: everything is as it was.")).to_be_visible()
    contact.refresh_from_db()
    assert contact.version == 1


def test_what_others_changed_meanwhile_is_shown_and_the_input_kept(page, sign_in, anna, contact, axe, complaints):
    complaints.expect("status of 412")
    sign_in(page, anna)
    page.goto(address_of(contact))
    page.get_by_label("Phone").fill("044 123 45 67")
    patch_details(
        actor=system_actor("core-banking"), contact_id=contact.pk, patch={"occupation": {"employer": "Spyri AG"}}
    )
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="What has changed in the meantime")).to_be_visible()
    expect(page.get_by_label("Employer")).to_have_value("Spyri AG")
    expect(page.get_by_label("Phone")).to_have_value("044 123 45 67")
    axe(page)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("The changes are made.")).to_be_visible()
    contact.refresh_from_db()
    assert contact.details["occupation"] == {"employer": "Spyri AG"}
    assert contact.details["contactInformation"]["phone"] == "044 123 45 67"


def test_every_page_is_usable_on_a_phone_by_day_and_by_night(phone_page, sign_in, anna, contact, axe):
    sign_in(phone_page, anna)
    names = ("change", "edit", "changes", "requests", "groups", "connections", "channels", "picture", "anonymize")
    for address in (*(address_of(contact, name) for name in names), "/admin/contacts/contact/add/"):
        phone_page.goto(address)
        for scheme in in_both_schemes(phone_page):
            assert not scrolls_sideways(phone_page), (address, scheme)
            axe(phone_page)


def test_a_contact_is_created_and_its_anonymization_asked_for_after_its_name_was_typed(page, sign_in, anna, complaints):
    complaints.expect("status of 422")
    sign_in(page, anna)
    page.goto("/admin/contacts/contact/add/")
    page.get_by_label("Username").fill("heidi")
    page.get_by_label("First name").fill("Heidi")
    page.get_by_label("Last name").fill("Alp")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Heidi Alp was created.")).to_be_visible()
    page.get_by_role("link", name="Anonymize").click()
    confirmation = page.get_by_label(re.compile("To confirm"))
    confirmation.fill("Peter")
    page.get_by_role("button", name="Anonymize for good").click()
    expect(page.get_by_text("This is neither the name nor the id of the contact.")).to_be_visible()
    confirmation.fill("heidi alp")
    page.get_by_role("button", name="Anonymize for good").click()
    expect(page.get_by_text("is pending approval")).to_be_visible()
    assert Contact.objects.get().anonymized_at is None
