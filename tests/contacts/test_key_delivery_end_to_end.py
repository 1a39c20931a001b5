"""Delivery of a key from a PATCH through a real queue, worker and mail server."""

import re
import time

import pytest

from contacts.models import Channel
from tests.fixtures import details

PATIENCE_SECONDS = 30


@pytest.mark.django_db(transaction=True)
def test_the_key_of_a_new_email_comes_by_mail(make_contact, api_of, mailbox, worker):
    contact = make_contact(details(contactInformation={"email": "old@example.com"}))
    client = api_of(contact)
    path = f"/v1.0/contacts/{contact.pk}"
    client.patch(f"{path}/details", {"details": {"contactInformation": {"email": "new@example.com"}}})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while Channel.objects.get().is_key_due and time.monotonic() < deadline:
        time.sleep(0.05)
    [(recipients, message)] = mailbox.messages
    assert recipients == ["new@example.com"]
    key = re.search(r"\b\d{6}\b", message.get_content()).group()
    verify = f"{path}/communication-verification/verify"
    assert client.post(verify, {"channel": "Email", "key": key}).status == 204
    read = client.get(f"{path}/details").json["details"]
    assert read["contactInformation"]["email"] == "new@example.com"
