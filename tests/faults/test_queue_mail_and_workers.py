"""Queue, mail server and workers fail and recover: requests are served and nothing is lost."""

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from celery import Celery

from devstack import embedded
from tests.devstack.stack import free_port
from tests.faults.installation import Installation, Web, wait_until
from tests.faults.test_database_restarts import new_contact

# Kombu waits between its attempts to reach the queue again, longer each time.
SLOW = 300


class Mailbox:
    """A mail server of the test's own, and what it took. While it is slow it does not say that it took something."""

    def __init__(self) -> None:
        self.port = free_port()
        self.messages: list[Message] = []
        self.is_slow = False
        self._controller: Controller | None = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the name is aiosmtpd's
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        while self.is_slow:
            await asyncio.sleep(0.05)
        return "250 OK"

    def start(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    mailbox.stop()


@pytest.fixture(scope="module")
def web(standing_web: Callable[..., Web], client: tuple[str, str]) -> Web:
    web = standing_web()
    web.authorize(client)
    return web


@pytest.fixture
def worker(installation: Installation, mailbox: Mailbox) -> Callable[..., Any]:
    def start(**variables: str) -> Any:
        started = installation.worker(EMAIL_URL=f"smtp://127.0.0.1:{mailbox.port}", **variables)
        wait_until(lambda: "ready" in started.output, "the worker is not ready", seconds=SLOW)
        return started

    return start


def change_email(web: Web, contact: int) -> str:
    address = f"new{time.monotonic_ns()}@example.com"
    status, _, body = web.call(
        "PATCH", f"/v1.0/contacts/{contact}/details", {"details": {"contactInformation": {"email": address}}}
    )
    assert (status, body["hasPendingEmail"]) == (200, True)
    return address


def verify(web: Web, contact: int, message: Message) -> None:
    """The key in the message is the one that counts."""
    found = re.search(r"\b\d{6}\b", message.get_content())  # type: ignore[attr-defined]
    assert found is not None
    path = f"/v1.0/contacts/{contact}/communication-verification/verify"
    assert web.call("POST", path, {"channel": "Email", "key": found.group()})[0] == 204


def make_due(installation: Installation, contact: int) -> None:
    """As if minutes had passed since the key was asked for, and claimed by whoever claimed it; then beat comes by."""
    with installation.database() as connection:
        connection.execute(
            "UPDATE contacts_channel SET requested_at = requested_at - interval '5 minutes', "
            "claimed_at = claimed_at - interval '5 minutes' WHERE contact_id = %s",
            [contact],
        )
    send(installation, "contacts.tasks", "send_due_keys")


def send(installation: Installation, module: str, task: str) -> None:
    """As beat does."""
    broker = embedded.redis_url(installation.var).replace("unix:", "redis+socket:")
    with Celery(broker=broker, set_as_current=False) as beat:
        beat.send_task(f"{module}.{task}")


def test_without_the_queue_requests_are_answered_and_what_they_asked_for_is_done_when_it_is_back(
    installation: Installation, web: Web, mailbox: Mailbox, worker: Callable[..., Any]
) -> None:
    mailbox.start()
    running = worker()
    contact = new_contact(web)
    with installation.without_queue():
        change_email(web, contact)
        status, _, asked = web.call("POST", "/v1.0/contacts/export", "", content_type="text/plain")
        assert status == 202, asked
        export = f"/v1.0/contacts/export/{asked['exportJobId']}"
        assert web.call("GET", export)[0] == 202
    assert running.lives
    # The worker that saw the queue go finds it again, and what got lost on the way comes with the next beat.
    make_due(installation, contact)
    with installation.database() as connection:
        connection.execute("UPDATE importexport_exportjob SET created_at = created_at - interval '5 minutes'")
    send(installation, "importexport.exports.tasks", "resume_exports")
    wait_until(lambda: mailbox.messages, "no key came", seconds=SLOW, log=running)
    wait_until(lambda: web.call("GET", export)[0] == 200, "the export never ran")
    assert len(mailbox.messages) == 1
    verify(web, contact, mailbox.messages[0])


def test_a_queue_that_says_nothing_holds_a_request_for_seconds_only(
    installation: Installation, web: Web, mailbox: Mailbox, worker: Callable[..., Any]
) -> None:
    mailbox.start()
    running = worker()
    contact = new_contact(web)
    change_email(web, contact)
    wait_until(lambda: mailbox.messages, "no key came", seconds=SLOW, log=running)
    with installation.with_silent_queue():
        # The client of the test gives up after half a minute.
        change_email(web, contact)
    make_due(installation, contact)
    wait_until(lambda: len(mailbox.messages) >= 2, "no second key came", seconds=SLOW, log=running)
    verify(web, contact, mailbox.messages[-1])


def test_a_worker_whose_queue_falls_silent_while_it_works_goes_on_when_the_queue_is_back(
    installation: Installation, web: Web, mailbox: Mailbox, worker: Callable[..., Any]
) -> None:
    mailbox.is_slow = True
    mailbox.start()
    running = worker()
    contact = new_contact(web)
    change_email(web, contact)
    wait_until(lambda: mailbox.messages, "no key came", seconds=SLOW, log=running)
    with installation.with_silent_queue():
        mailbox.is_slow = False
        wait_until(lambda: "Connection to broker lost" in running.output, "the silence was not noticed", log=running)
    address = change_email(web, contact)
    wait_until(lambda: mailbox.messages[-1]["To"] == address, "no second key came", seconds=SLOW, log=running)
    verify(web, contact, mailbox.messages[-1])
    assert running.lives


def test_while_the_mail_server_is_down_a_key_is_kept_due_and_goes_out_once_when_it_is_back(
    installation: Installation, web: Web, mailbox: Mailbox, worker: Callable[..., Any]
) -> None:
    running = worker()
    contact = new_contact(web)
    address = change_email(web, contact)
    wait_until(lambda: "task_retries" in running.output, "it was not tried", log=running)
    mailbox.start()
    wait_until(lambda: mailbox.messages, "it was not tried again", log=running)
    assert mailbox.messages[0]["To"] == address
    verify(web, contact, mailbox.messages[0])
    assert len(mailbox.messages) == 1
    # Whom it was for is nobody's business who reads the log.
    assert address not in running.output
    # The request and the tasks that came of it stand under one id.
    asked = next(line for line in reversed(web.lines) if line.get("method") == "PATCH")
    tasks = [line for line in running.lines if line.get("event") == "task" and line["task"].endswith("send_key")]
    assert {line["correlation_id"] for line in tasks} == {asked["correlation_id"]}
    assert [line["state"] for line in tasks][-1] == "SUCCESS"
    assert all(line["milliseconds"] >= 0 and line["task_id"] for line in tasks)


def test_a_worker_that_is_killed_while_it_sends_a_key_loses_none(
    installation: Installation, web: Web, mailbox: Mailbox, worker: Callable[..., Any]
) -> None:
    # Accepts connections and says nothing, so the worker waits in the middle of sending.
    with SilentServer(mailbox.port) as silent:
        running = worker()
        contact = new_contact(web)
        change_email(web, contact)
        wait_until(lambda: silent.connections, "the worker does not send")
        running.kill()
    mailbox.start()
    again = worker()
    make_due(installation, contact)
    wait_until(lambda: mailbox.messages, "the key is lost", seconds=SLOW, log=again)
    verify(web, contact, mailbox.messages[-1])
    with installation.database() as connection:
        due = connection.execute(
            "SELECT is_key_due, pending_value FROM contacts_channel WHERE contact_id = %s", [contact]
        ).fetchone()
    assert due == (False, None)


class SilentServer:
    """Accepts connections and never says a word."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self.connections: list[Any] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self.connections.append(self._socket.accept()[0])
            except OSError:
                return

    def __enter__(self) -> "SilentServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self.connections:
            connection.close()
