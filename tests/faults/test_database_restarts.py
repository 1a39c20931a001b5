"""PostgreSQL restarts under load: requests fail cleanly and nothing is partially done."""

import signal
import threading
import time
from itertools import pairwise
from typing import Any, Protocol

import psycopg
import pytest

from tests.faults.installation import Installation, Web, wait_until

CONTACTS = 4
DOWN_SECONDS = 1.5
DETAILS = {"personalInformation": {"firstName": "Johanna", "lastName": "Spyri"}}


class Load:
    """Clients that each change one contact, again and again, and read it in between."""

    def __init__(self, web: Web, contacts: list[int]) -> None:
        self._web = web
        self._stop = threading.Event()
        self.answers: list[tuple[int, dict[str, str], Any]] = []
        self.broken: list[OSError] = []
        self.acknowledged: dict[int, list[str]] = {contact: [] for contact in contacts}
        self.sent: dict[int, set[str]] = {contact: set() for contact in contacts}
        self._threads = [threading.Thread(target=self._run, args=[contact]) for contact in contacts]
        for thread in self._threads:
            thread.start()

    def _run(self, contact: int) -> None:
        path = f"/v1.0/contacts/{contact}/details"
        number = 0
        while not self._stop.is_set():
            number += 1
            name = f"Name {contact} {number}"
            self.sent[contact].add(name)
            try:
                answer = self._web.call("PATCH", path, {"details": {"personalInformation": {"lastName": name}}})
                self.answers += [answer, self._web.call("GET", path)]
            except OSError as error:  # no answer at all, which would be a fault of the web server
                self.broken.append(error)
                continue
            if answer[0] == 200:
                self.acknowledged[contact].append(name)

    def succeeds(self) -> bool:
        """Whether the latest answers are all well."""
        latest = self.answers[-8:]
        return len(latest) == 8 and all(status == 200 for status, _, _ in latest)

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_requests_fail_with_an_api_error_and_succeed_again_and_the_history_is_whole(
    installation: Installation, client: tuple[str, str], how: signal.Signals
) -> None:
    web = installation.web(LOG_LEVEL="INFO")
    web.authorize(client)
    contacts = [new_contact(web) for _ in range(CONTACTS)]
    load = Load(web, contacts)
    try:
        wait_until(load.succeeds, "no load")
        installation.postgres.stop(how)
        wait_until(lambda: any(status == 503 for status, _, _ in load.answers), "nothing failed")
        time.sleep(DOWN_SECONDS)
        installation.postgres.start()
        wait_until(load.succeeds, "it does not recover", seconds=20)
    finally:
        load.end()
    assert load.broken == []
    failed = [answer for answer in load.answers if answer[0] != 200]
    assert {status for status, _, _ in failed} == {503}
    for _, headers, body in failed:
        assert (body["code"], body["correlationId"]) == ("General", headers["X-Correlation-ID"])
        assert headers["Retry-After"] == "5"
    for contact in contacts:
        assert_whole(installation, contact, load)
    # Operators learn why, and callers did not.
    told = [line for line in web.lines if line["event"] == "database_unavailable"]
    assert told
    assert all(line["correlation_id"] for line in told)


def new_contact(web: Web) -> int:
    kinds = web.call("POST", "/v1.0/lists/contact-type/search", {"filter": "client"})[2]["items"]
    body = {"contactTypeId": kinds[0]["id"], "username": f"user-{time.monotonic_ns()}", "details": DETAILS}
    status, _, made = web.call("POST", "/v1.0/contacts", body)
    assert status in (200, 201), made
    return int(made["id"])


class Server(Protocol):
    """Where the history is: an installation, or a server that took over."""

    def database(self) -> psycopg.Connection: ...


class Changes(Protocol):
    """The last names that were sent, and in their order those that were acknowledged, by contact."""

    sent: dict[int, set[str]]
    acknowledged: dict[int, list[str]]


def assert_whole(server: Server, contact: int, load: Changes) -> None:
    """Versions without a gap, every acknowledged change once and in order, and the document that they lead to."""
    with server.database() as database:
        rows = database.execute(
            "SELECT sequence, changes FROM audit_entry"
            " WHERE kind = 'contact-details' AND subject_id = %s ORDER BY sequence",
            [contact],
        ).fetchall()
        found = database.execute("SELECT version, details FROM contacts_contact WHERE id = %s", [contact]).fetchone()
    assert found is not None
    version, details = found
    assert [number for number, _ in rows] == list(range(1, version + 1))
    changes = [change for _, found in rows for change in found if change["path"] == "personalInformation.lastName"]
    assert all(before["target"] == after["original"] for before, after in pairwise(changes))
    targets = [change["target"] for change in changes[1:]]
    assert targets[-1] == details["personalInformation"]["lastName"]
    assert len(targets) == len(set(targets))
    assert [name for name in targets if name in load.acknowledged[contact]] == load.acknowledged[contact]
    assert set(targets) <= load.sent[contact]
