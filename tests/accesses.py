"""The access log in tests: what requests have left to be written is written when a test asks for it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from audit.access.models import Access
from audit.access.recording import recorder


@pytest.fixture
def written_accesses(db: None) -> Iterator[Callable[[], list[Access]]]:
    """Write what was recorded since the last call, and return its rows in the order in which they were recorded."""
    recorder.forget()

    def write() -> list[Access]:
        latest = Access.objects.order_by("-id").values_list("id", flat=True).first() or 0
        connection.ensure_connection()
        recorder.flush(connection.connection)
        return list(Access.objects.filter(id__gt=latest).order_by("id"))

    yield write
    recorder.forget()


@pytest.fixture
def looks(written_accesses: Callable[[], list[Access]]) -> Callable[[], set[tuple[Any, ...]]]:
    """Return (contact, kind of actor, its id, way, door) of what was recorded since the last call."""
    return lambda: {(row.contact_id, row.actor_kind, row.actor_id, row.way, row.door) for row in written_accesses()}
