"""The schema editor: faults while typing, then difference and impact, then publishing."""

import re

import pytest
from playwright.sync_api import expect

from changerequests.models import ChangeRequest
from contacts.models import Contact
from schemas.models import CheckStatus, SchemaDraft, SchemaVersion
from schemas.queries import current_schema
from schemas.services import create_draft
from tests.browser.browsing import scrolls_sideways
from tests.changerequests.reviewing import page_of as page_of_request
from tests.fixtures import details
from tests.schemas.test_drafts import ACTOR, text_with

pytestmark = pytest.mark.usefixtures("default_schemas")


@pytest.fixture
def editor(make_member):
    return make_member("edith", permissions=["change_schema", "view_schema", "view_contact"], sees_all_contacts=True)


def page_of(key="contact"):
    return f"/admin/schemas/schema/{current_schema(key).schema_id}/change/"


@pytest.fixture
def reviewer(make_member):
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


def test_from_a_fault_to_a_published_version(page, open_page, sign_in, editor, reviewer, make_contact, axe):
    make_contact(details(occupation={"employer": "Alm AG"}))
    without = make_contact()
    sign_in(page, editor)
    page.goto(page_of())
    expect(page.get_by_role("tab", name="Fields")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("Employer", exact=True)).to_be_visible()
    axe(page)

    # Type a fault.
    page.get_by_role("tab", name="JSON").click()
    area = page.get_by_role("textbox", name="Definition")
    text = area.input_value()
    area.fill(text.replace('"key": "employer",', '"key": "employer", "isMandatroy": true,'))
    fault = page.locator("#schema-faults").get_by_role("listitem")
    expect(fault).to_contain_text("There is no such property here.")
    line = text[: text.index('"key": "employer"')].count("\n") + 1
    marked = page.locator(".k-gutter .k-faulty")
    expect(marked).to_have_text(str(line))
    expect(area).to_have_attribute("aria-invalid", "true")
    axe(page)
    fault.get_by_role("link").click()
    expect(marked).to_be_in_viewport()
    expect(area).to_be_focused()
    chosen = area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert chosen.startswith('"isMandatroy"')

    # Correct it.
    area.fill(text.replace('"key": "employer",', '"key": "employer", "isMandatory": true,'))
    expect(page.locator("#schema-faults")).to_contain_text("No faults.")
    expect(marked).to_have_count(0)
    page.get_by_role("tab", name="Difference").click()
    expect(page.locator('[data-part="difference"]')).to_contain_text("Mandatory")
    axe(page)
    page.get_by_role("tab", name="Form").click()
    preview = page.locator('[data-part="preview"]')
    expect(preview.get_by_label(re.compile("Employer"))).to_be_visible()
    axe(page)

    # Show the impact.
    page.get_by_role("tab", name="JSON").click()
    page.get_by_role("button", name="See its impact").click()
    rule = page.get_by_role("row").filter(has_text="occupation.employer")
    expect(rule).to_contain_text("This field is mandatory.")
    expect(rule.get_by_role("link", name=str(without))).to_have_attribute(
        "href", f"/admin/contacts/contact/{without.pk}/change/"
    )
    axe(page)
    page.get_by_label(re.compile("I accept that 1 document")).check()
    page.get_by_role("button", name="Request approval as version 2").click()
    expect(page.get_by_text("A change requested by Edith Tester is pending review.")).to_be_visible()

    # Somebody else sees fields, flags and the impact, and approves.
    page = open_page()
    sign_in(page, reviewer)
    page.goto(page_of_request(ChangeRequest.objects.get()))
    expect(page.get_by_role("row").filter(has_text="Mandatory").first).to_contain_text("Employer")
    expect(page.get_by_role("row").filter(has_text="occupation.employer")).to_contain_text("This field is mandatory.")
    axe(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("was approved, and the changes are made.")).to_be_visible()
    assert SchemaVersion.objects.get(schema__key="contact", number=2).published_by_name == editor.name


def test_tabs_follow_the_keyboard(page, sign_in, editor):
    sign_in(page, editor)
    page.goto(page_of("legal-entity"))
    page.get_by_role("tab", name="Fields").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="JSON")).to_be_focused()
    expect(page.get_by_role("textbox", name="Definition")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Definition")).to_be_focused()


def test_a_check_moves_until_it_is_done(page, sign_in, editor, make_contact):
    make_contact()
    draft = create_draft(
        actor=ACTOR,
        key="contact",
        definition_text=text_with(isMandatory=True),
        base_version_id=current_schema("contact").version_id,
    )
    mine = SchemaDraft.objects.filter(pk=draft.pk)
    mine.update(status=CheckStatus.RUNNING, total=10, processed=4, violating=0, newly_violating=0)
    sign_in(page, editor)
    page.goto(f"/admin/schemas/schema/{draft.schema_id}/drafts/{draft.pk}/")
    expect(page.get_by_text("4 of 10 checked")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("version 2"))).to_have_count(0)
    mine.update(processed=8)
    expect(page.get_by_text("8 of 10 checked")).to_be_visible()
    mine.update(status=CheckStatus.COMPLETED, processed=10)
    expect(page.get_by_role("button", name="Request approval as version 2")).to_be_visible()
    assert Contact.objects.count() == 1


def test_on_a_phone_nothing_scrolls_sideways(phone_page, sign_in, editor, make_contact, axe):
    make_contact()
    draft = create_draft(
        actor=ACTOR,
        key="contact",
        definition_text=text_with(isMandatory=True, maxLength=7),
        base_version_id=current_schema("contact").version_id,
    )
    sign_in(phone_page, editor)
    version = current_schema("contact").version_id
    for address in (
        page_of(),
        f"/admin/schemas/schema/{draft.schema_id}/drafts/{draft.pk}/",
        f"/admin/schemas/schemaversion/{version}/change/",
    ):
        phone_page.goto(address)
        assert not scrolls_sideways(phone_page), address
        axe(phone_page)
    phone_page.goto(page_of())
    phone_page.get_by_role("tab", name="JSON").tap()
    assert not scrolls_sideways(phone_page)


def test_in_the_dark_and_in_german(open_page, sign_in, editor, axe):
    page = open_page(color_scheme="dark", locale="de-CH")
    sign_in(page, editor)
    page.goto(page_of())
    expect(page.get_by_text("Nachname", exact=True)).to_be_visible()
    axe(page)
