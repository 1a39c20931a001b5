"""A real task queue with a worker, and a mail server on loopback."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from celery.contrib.testing.worker import start_worker

from config.celery import app

PATIENCE_SECONDS = 60


@pytest.fixture
def celery_messages() -> Iterator[Callable[[], list[tuple[str, list[Any]]]]]:
    """Take all messages from the queue; return the name and arguments of each task."""

    def take() -> list[tuple[str, list[Any]]]:
        taken = []
        with app.connection_for_read() as connection:
            while message := connection.default_channel.basic_get(app.conf.task_default_queue, no_ack=True):
                taken.append((message.headers["task"], json.loads(message.body)[0]))
        return taken

    take()
    yield take
    take()


@contextmanager
def running_worker() -> Iterator[None]:
    """A real worker on the queue, in a thread: the log stays that of the process, whose output it would take over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOG_STREAM", "stderr")
        with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
            yield


@pytest.fixture
def worker(celery_messages: object) -> Iterator[None]:
    with running_worker():
        yield


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Wait until a callable returns a truthy value, and return it."""

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := condition()):
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.05)
        return found

    return wait


class Mailbox:
    """Collects recipients and message of each mail. Answers `refusals`, by address."""

    def __init__(self) -> None:
        self.messages: list[tuple[list[str], EmailMessage]] = []
        self.refusals: dict[str, str] = {}

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the name is aiosmtpd's
        self.messages.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield mailbox
    server.stop()
