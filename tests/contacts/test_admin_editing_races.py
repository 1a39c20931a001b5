"""Concurrent changes of a contact, one of them in the admin: the losing form shows the winning change."""

import pytest

from accounts.actor import system_actor
from contacts.services.changes import patch_details
from tests.browserless import sent_by
from tests.concurrency import while_waiting

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_change_that_is_made_between_reading_and_locking_is_not_overwritten(make_member, make_contact, admin_of):
    anna = make_member("anna", permissions=["view_contact", "change_contact_details"])
    contact = make_contact(members=[anna])
    browser = admin_of(anna)
    address = f"/admin/contacts/contact/{contact.pk}/edit/"
    data = sent_by(browser.get(address).content.decode())
    data["details.occupation.employer"] = "Mine"

    # It has read the contact as it was, and now waits for the lock.
    page = while_waiting(
        lambda: browser.post(address, data.urlencode(), content_type="application/x-www-form-urlencoded"),
        before=lambda: patch_details(
            actor=system_actor("core-banking"), contact_id=contact.pk, patch={"occupation": {"employer": "Theirs"}}
        ),
    )
    assert page.status_code == 412
    again = sent_by(page.content.decode())
    assert again["details.occupation.employer"] == "Mine"
    assert again["version"] == "2"
    contact.refresh_from_db()
    assert contact.details["occupation"]["employer"] == "Theirs"
