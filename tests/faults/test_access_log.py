"""Web servers write who looked: all of it when they stop, all but the last second when they are killed."""

from datetime import UTC, datetime
from itertools import count

import psutil
import pytest

from tests.faults.installation import Installation, Web, wait_until
from tests.fixtures import details

READS = 20
numbers = count(1)


@pytest.fixture
def web(installation: Installation, client: tuple[str, str]) -> Web:
    web = installation.web(WEB_CONCURRENCY="1")
    web.authorize(client)
    return web


def made_contact(web: Web) -> int:
    types = web.call("POST", "/v1.0/lists/contact-type/search", {"filter": "client"})[2]
    body = {"contactTypeId": types["items"][0]["id"], "username": f"seen-{next(numbers)}", "details": details()}
    status, _headers, made = web.call("POST", "/v1.0/contacts", body)
    assert status == 201, made
    return int(made["id"])


def read(web: Web, contact_id: int) -> None:
    for _ in range(READS):
        assert web.status(f"/v1.0/contacts/{contact_id}/details") == 200


def rows_of(installation: Installation, contact_id: int) -> int:
    with installation.database() as connection:
        row = connection.execute("SELECT count(*) FROM audit_access WHERE contact_id = %s", [contact_id]).fetchone()
    assert row is not None
    return int(row[0])


def process_of(installation: Installation, pid: int) -> tuple[datetime, datetime | None]:
    """Return until when a process has written, and when it ended."""
    with installation.database() as connection:
        row = connection.execute(
            "SELECT written_until, ended_at FROM audit_accessprocess WHERE pid = %s ORDER BY id DESC", [pid]
        ).fetchone()
    assert row is not None
    return row


def worker_of(web: Web) -> psutil.Process:
    (worker,) = psutil.Process(web.pid).children()
    return worker


def test_a_server_that_stops_writes_all_of_it_and_its_end(installation: Installation, web: Web) -> None:
    contact_id, pid = made_contact(web), worker_of(web).pid
    read(web, contact_id)
    web.terminate()
    assert rows_of(installation, contact_id) == READS
    assert process_of(installation, pid)[1] is not None


def test_a_worker_that_is_killed_leaves_a_gap_of_its_last_second(installation: Installation, web: Web) -> None:
    contact_id, worker = made_contact(web), worker_of(web)
    read(web, contact_id)
    wait_until(lambda: rows_of(installation, contact_id) == READS, "not written while the worker runs")
    began = datetime.now(UTC)
    wait_until(lambda: process_of(installation, worker.pid)[0] > began, "the worker says not that it has written")
    worker.kill()
    written_until, ended_at = process_of(installation, worker.pid)
    assert ended_at is None
    assert written_until > began
    # Its successor begins, and writes.
    wait_until(lambda: web.status(f"/v1.0/contacts/{contact_id}") == 200, "no worker takes its place")
    wait_until(lambda: rows_of(installation, contact_id) > READS, "the next worker writes nothing")


def test_what_was_read_is_written_once_the_database_is_back(installation: Installation, web: Web) -> None:
    contact_id = made_contact(web)
    read(web, contact_id)
    with installation.without_database():
        # As long as it takes to try, and fail.
        wait_until(lambda: "access_log" in web.output, "the failure is not in the log")
        assert web.status("/health/live") == 200
    wait_until(lambda: web.status(f"/v1.0/contacts/{contact_id}") == 200, "does not serve again")
    wait_until(lambda: rows_of(installation, contact_id) > READS, "what was read before is not written")
    assert all(line["level"] in ("info", "warning", "error") for line in web.lines)
