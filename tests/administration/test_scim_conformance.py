"""SCIM as an independent checker of the protocol sees it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from tests.fixtures import app_token

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def application() -> Iterator[WSGIHandler]:
    """Kontor as a WSGI application that keeps the connection of the test, as Django's test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield get_wsgi_application()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_the_checker_of_the_protocol_finds_no_fault(application: WSGIHandler, make_app: Any) -> None:
    token = app_token(make_app("directory"), ["scim"])
    client = WSGISCIMClient(
        application,
        base_url="http://localhost/scim/v2",
        headers={"Authorization": f"Bearer {token}"},
    )
    results = check_server(client)
    faults = [f"{one.title}: {one.reason}" for one in results if one.status not in (Status.SUCCESS, Status.SKIPPED)]
    assert not faults, "\n".join(faults)
    assert sum(one.status is Status.SUCCESS for one in results) > 40
