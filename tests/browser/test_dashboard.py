"""The dashboard in a browser: its figures link to lists, and running jobs update."""

import re
import threading

import pytest
from django.db import connection, transaction
from playwright.sync_api import expect

from accounts.models import Member
from changerequests.models import ChangeRequest, Notification
from changerequests.services.notifications import notify
from contacts.models import Contact
from devstack.demo.loading import load
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.models import ImportKind
from tests.browser.browsing import scrolls_sideways
from tests.importexport.importing import lines, stored


@pytest.fixture
def axe(strict_axe):
    return strict_axe


@pytest.fixture
def rita(default_schemas):
    """The demo's reviewer and its data."""
    load(contacts=30)
    return Member.objects.get(user__username="rita")


def test_a_figure_leads_to_its_list_by_mouse(page, sign_in, rita, axe):
    sign_in(page, rita)
    page.goto("/admin/")
    axe(page)
    bar = page.get_by_role("link", name=re.compile("7 to 30 days"))
    number = bar.locator(".k-bar-number").inner_text()
    bar.click()
    expect(page.locator("#result_list tbody tr")).to_have_count(int(number))


def test_a_figure_leads_to_its_list_by_keyboard(page, sign_in, rita):
    sign_in(page, rita)
    page.goto("/admin/")
    tile = page.locator(".k-tile").first
    number = tile.locator(".k-number").inner_text()
    for _ in range(40):
        page.keyboard.press("Tab")
        if tile.evaluate("element => element === document.activeElement"):
            break
    expect(tile).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(int(number))


def test_what_waits_longest_leads_to_its_review(phone_page, sign_in, rita, axe):
    oldest = ChangeRequest.objects.filter(status=1).earliest("created_at")
    sign_in(phone_page, rita)
    phone_page.goto("/admin/")
    axe(phone_page)
    assert not scrolls_sideways(phone_page)
    phone_page.locator(".k-lines a").first.tap()
    expect(phone_page).to_have_url(re.compile(f"/changerequest/{oldest.pk}/"))


def test_the_bell_leads_to_what_is_unread_until_it_is_read(phone_page, sign_in, rita, axe):
    request = ChangeRequest.objects.earliest("pk")
    notify(members=[rita.pk], request=request, event=Notification.Event.COMMENTED)
    sign_in(phone_page, rita)
    phone_page.goto("/admin/")
    phone_page.get_by_role("link", name="Notifications, 1 unread").tap()
    expect(phone_page).to_have_url(re.compile("/notifications/$"))
    axe(phone_page)
    assert not scrolls_sideways(phone_page)
    phone_page.get_by_role("button", name=re.compile("Mark as read: New comment")).tap()
    expect(phone_page.get_by_role("link", name="Notifications, 0 unread")).to_be_visible()


def test_an_import_moves_while_one_looks(page, sign_in, make_member, contact_type, actor_of, settings, tmp_path):
    """The worker waits for a locked contact, which keeps the job half done."""
    settings.IMPORT_BATCH_ENTRIES = 1
    _store_in(settings, tmp_path)
    olga = make_member("olga", permissions=["add_importjob"], sees_all_contacts=True)
    entries = [
        {
            "externalId": f"E-{number}",
            "contactTypeId": contact_type.pk,
            "username": f"client-{number}",
            "details": DETAILS,
        }
        for number in range(4)
    ]
    first = start_sync(
        actor=actor_of(olga),
        kind=ImportKind.CONTACTS,
        names=stored(lines(entries[2]), actor=actor_of(olga)),
        is_dry_run=False,
    )
    run_job(first.pk)
    changed = {**entries[2], "details": {"personalInformation": {**DETAILS["personalInformation"], "firstName": "Jo"}}}
    entries[2] = changed
    names = stored(lines(*entries), actor=actor_of(olga))
    job = start_sync(actor=actor_of(olga), kind=ImportKind.CONTACTS, names=names, is_dry_run=False)
    sign_in(page, olga)
    page.goto("/admin/")
    box = page.locator("#running-jobs")
    expect(box).to_contain_text("0 of 4")
    worker = threading.Thread(target=_run, args=[job.pk])
    with transaction.atomic():
        Contact.objects.select_for_update().get(username="client-2")
        worker.start()
        expect(box).to_contain_text("2 of 4")
        assert box.locator("progress").first.evaluate("bar => bar.position") == 0.5
    worker.join()
    expect(box).to_contain_text("4 of 4")
    expect(box.locator("progress")).to_have_count(0)


DETAILS = {"personalInformation": {"firstName": "Johanna", "lastName": "Spyri", "nationalities": ["CH"]}}


def _run(job_id):
    try:
        run_job(job_id)
    finally:
        connection.close()


def _store_in(settings, directory):
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(directory)}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
