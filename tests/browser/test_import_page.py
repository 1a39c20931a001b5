"""An import in a browser: upload, progress bar and reported failures."""

import json

import pytest
from playwright.sync_api import expect

from config.celery import app
from contacts.models import Contact
from tests.browser.browsing import scrolls_sideways
from tests.queues import running_worker

ADD = "/admin/importexport/importjob/add/"
DETAILS = {"personalInformation": {"firstName": "Johanna", "lastName": "Spyri"}}


@pytest.fixture
def olga(make_member):
    return make_member("olga", permissions=["add_importjob", "view_importjob"], sees_all_contacts=True)


@pytest.fixture(autouse=True)
def own_queue_and_storage(settings, tmp_path):
    """Empty the real queue before and after; store files in a separate directory."""
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    app.control.purge()
    yield
    app.control.purge()


@pytest.fixture
def file_of(contact_type):
    """Return a file of contacts for an upload; those in `bad` have an invalid username."""

    def make(count, *, bad=()):
        entries = [
            {
                "externalId": f"E-{number}",
                "contactTypeId": contact_type.pk,
                "username": 7 if number in bad else f"client-{number}",
                "details": DETAILS,
            }
            for number in range(count)
        ]
        return {"name": "clients.json", "mimeType": "application/json", "buffer": json.dumps(entries).encode()}

    return make


def start(page, file):
    page.goto(ADD)
    page.get_by_label("Files").set_input_files(file)
    page.get_by_role("button", name="Start").click()


def test_an_import_from_the_file_to_its_report(page, sign_in, olga, file_of, axe, settings):
    settings.IMPORT_BATCH_ENTRIES = 5
    sign_in(page, olga)
    start(page, file_of(40, bad={3, 30}))
    expect(page.get_by_text("The import was started.")).to_be_visible()
    bar = page.locator("progress[data-unfinished-job]")
    expect(bar).to_have_js_property("position", 0)
    expect(page.get_by_text("0 of 40 entries")).to_be_visible()
    axe(page)
    with running_worker():
        expect(page.get_by_text("40 of 40 entries")).to_be_visible(timeout=60_000)
        expect(bar).to_have_count(0)
    expect(page.get_by_text("Completed with errors")).to_be_visible()
    failures = page.get_by_role("region", name="What failed").get_by_role("row")
    expect(failures).to_have_count(1 + 2)
    expect(failures.nth(1)).to_contain_text("E-3")
    expect(failures.nth(1)).to_contain_text("Expected a text.")
    axe(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="All of it as CSV").click()
    assert download.value.path().read_text().count("Expected a text.") == 2
    assert Contact.objects.count() == 38


def test_a_file_that_is_none_is_told_at_its_field(phone_page, sign_in, olga, axe):
    sign_in(phone_page, olga)
    start(phone_page, {"name": "clients.json", "mimeType": "application/json", "buffer": b"[{}"})
    expect(phone_page.get_by_role("alert").filter(has_text="does not end")).to_be_visible()
    assert not scrolls_sideways(phone_page)
    axe(phone_page)
