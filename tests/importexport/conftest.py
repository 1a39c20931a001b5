"""Workers, queues and storages that the tests of jobs use."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker

from config.celery import app
from tests.fixtures import details

PATIENCE_SECONDS = 60


@pytest.fixture
def celery_messages() -> Iterator[Callable[[], list[tuple[str, list[Any]]]]]:
    """Takes what waits in the real queue: the name and the arguments of each task."""

    def take() -> list[tuple[str, list[Any]]]:
        taken = []
        with app.connection_for_read() as connection:
            while message := connection.default_channel.basic_get(app.conf.task_default_queue, no_ack=True):
                taken.append((message.headers["task"], json.loads(message.body)[0]))
        return taken

    take()
    yield take
    take()


@pytest.fixture
def worker(celery_messages: object) -> Iterator[None]:
    """A real worker on the real queue."""
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        yield


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Waits until what it is given says something that is true, and returns it."""

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := condition()):
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.05)
        return found

    return wait


@pytest.fixture
def entry(contact_type: Any) -> Callable[..., dict[str, Any]]:
    """Makes an entry of a file to import: of a new contact unless said."""

    def make(external_id: str = "E-1", **properties: Any) -> dict[str, Any]:
        username = f"user-{external_id}"
        given = {"externalId": external_id, "contactTypeId": contact_type.pk, "username": username}
        return {**given, "details": details(), **properties}

    return make


@pytest.fixture(autouse=True)
def storage_directory(settings: Any, tmp_path: Any) -> Any:
    """The default storage is a directory of the test's own."""
    directory = tmp_path / "files"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(directory)},
        },
    }
    return directory
