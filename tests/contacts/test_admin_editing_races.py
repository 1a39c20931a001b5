"""Two who change a contact at once, one of them in the admin: the form that lost shows what won."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.actor import system_actor
from changerequests.services import patch_details
from tests.browserless import sent_by

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def until_somebody_waits():
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Within a transaction PostgreSQL would show the same picture again.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits for a lock")


def test_a_change_that_is_made_between_reading_and_locking_is_not_overwritten(make_member, make_contact, admin_of):
    anna = make_member("anna", permissions=["view_contact", "change_contact_details"])
    contact = make_contact(members=[anna])
    browser = admin_of(anna)
    address = f"/admin/contacts/contact/{contact.pk}/edit/"
    data = sent_by(browser.get(address).content.decode())
    data["details.occupation.employer"] = "Mine"

    def send():
        try:
            return browser.post(address, data.urlencode(), content_type="application/x-www-form-urlencoded")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            patch_details(
                actor=system_actor("core-banking"),
                contact_id=contact.pk,
                patch={"occupation": {"employer": "Theirs"}},
            )
            # It has read the contact as it was, and now waits for the lock.
            answer = pool.submit(send)
            until_somebody_waits()
        page = answer.result(timeout=20)
    assert page.status_code == 412
    again = sent_by(page.content.decode())
    assert again["details.occupation.employer"] == "Mine"
    assert again["version"] == "2"
    contact.refresh_from_db()
    assert contact.details["occupation"]["employer"] == "Theirs"
