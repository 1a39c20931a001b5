"""A key travels from a PATCH through the real queue, a real worker and a real mail server on loopback."""

import re
import socket
import time
from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from celery.contrib.testing.worker import start_worker

from config.celery import app as celery
from contacts.models import Channel
from tests.fixtures import details

PATIENCE_SECONDS = 30


class Mailbox:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.messages = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name is aiosmtpd's
        self.messages.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def mailbox(settings) -> Iterator[Mailbox]:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield mailbox
    server.stop()


@pytest.fixture
def worker(celery_messages) -> Iterator[None]:
    with start_worker(celery, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        yield


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
