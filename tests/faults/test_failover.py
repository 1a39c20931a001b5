"""Two servers with synchronous replication: the first dies under load, the second takes over, nothing is lost."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from tests.faults.installation import Installation, Web, wait_until
from tests.faults.replication import Standby, address, kill_all
from tests.faults.test_database_restarts import DETAILS, new_contact
from tests.prepared import Prepare

CHANGED = 4
# So many requests are answered before the primary dies.
WARM = 300
# What the promotion of a standby and a connection to it may take.
BACK_IN_SECONDS = 10
SCOPES = "contacts.read contacts.write change-requests.read schemas.read"


@dataclass(frozen=True)
class Answer:
    at: float
    is_write: bool
    status: int
    body: Any


class MixedLoad:
    """Clients that change, read, search and create contacts, each its own."""

    def __init__(self, web: Web, contacts: list[int], kind: int) -> None:
        self._web = web
        self._kind = kind
        self._stop = threading.Event()
        self.answers: list[Answer] = []
        self.broken: list[OSError] = []
        self.acknowledged: dict[int, list[str]] = {contact: [] for contact in contacts}
        self.sent: dict[int, set[str]] = {contact: set() for contact in contacts}
        self.created: dict[str, int] = {}
        targets = [lambda contact=contact: self._change(contact) for contact in contacts]
        self._threads = [threading.Thread(target=target) for target in [*targets, self._search, self._create]]
        for thread in self._threads:
            thread.start()

    def _ask(self, method: str, path: str, body: Any = None, *, is_write: bool = False) -> Answer | None:
        try:
            status, _headers, answer = self._web.call(method, path, body)
        except OSError as error:  # no answer at all, which would be a fault of the web server
            self.broken.append(error)
            return None
        self.answers.append(Answer(time.monotonic(), is_write, status, answer))
        return self.answers[-1]

    def _change(self, contact: int) -> None:
        path = f"/v1.0/contacts/{contact}/details"
        number = 0
        while not self._stop.is_set():
            number += 1
            name = f"Name {contact} {number}"
            self.sent[contact].add(name)
            answer = self._ask("PATCH", path, {"details": {"personalInformation": {"lastName": name}}}, is_write=True)
            if answer is not None and answer.status == 200:
                self.acknowledged[contact].append(name)
            self._ask("GET", path)

    def _search(self) -> None:
        while not self._stop.is_set():
            self._ask("POST", "/v1.0/contacts/change-requests/search", {"pageSize": 5})

    def _create(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            name = f"new-{number}"
            body = {"contactTypeId": self._kind, "username": name, "details": DETAILS}
            answer = self._ask("POST", "/v1.0/contacts", body, is_write=True)
            if answer is not None and answer.status in (200, 201):
                self.created[name] = answer.body["id"]

    def succeeds(self, *, since: float = 0) -> bool:
        """Whether every client that writes has had an answer since then, and the latest of all are well."""
        latest = self.answers[-8:]
        written = [answer for answer in self.answers if answer.at > since and answer.is_write and answer.status < 300]
        return len(written) > CHANGED and len(latest) == 8 and all(answer.status < 300 for answer in latest)

    def longest_gap(self) -> float:
        """The longest time in seconds in which no write succeeded."""
        moments = sorted(answer.at for answer in self.answers if answer.is_write and answer.status < 300)
        return max(after - before for before, after in pairwise(moments))

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, prepare: Prepare) -> Iterator[tuple[Installation, Standby]]:
    """An installation and its standby, for whose copy each commit waits."""
    made = Installation(tmp_path_factory.mktemp("pair"))
    prepare(made.var)
    standby = None
    try:
        made.valkey.start()
        made.postgres.start()
        standby = Standby(made, tmp_path_factory.mktemp("standby"))
        standby.follow(synchronous=True)
        yield made, standby
    finally:
        made.end()
        if standby is not None:
            standby.end()


def test_probes_and_doctor_find_the_primary_among_several_hosts(pair: tuple[Installation, Standby]) -> None:
    installation, standby = pair
    alone = installation.web(DATABASE_URL=address(standby.var), READY_REQUIRES="database")
    assert alone.call("GET", "/health/ready")[0] == 503
    both = address(standby.var, installation.var)
    web = installation.web(DATABASE_URL=both, METRICS_TOKEN="of-tests")
    status, _, body = web.call("GET", "/health/ready")
    assert (status, body["checks"]["database"], body["checks"]["migrations"]) == (200, "ok", "ok")
    assert b"kontor_figures_up 1" in web.call("GET", "/metrics", Authorization="Bearer of-tests")[2]
    findings = json.loads(installation.manage("doctor", "--json", DATABASE_URL=both).stdout)["findings"]
    grades = {finding["grade"] for finding in findings if finding["part"] in {"database", "migrations", "people"}}
    assert "error" not in grades
    # What else the address asks for holds for probes, too.
    elsewhere = f"{both}?options=-c%20search_path%3Dnowhere"
    findings = json.loads(installation.manage("doctor", "--json", DATABASE_URL=elsewhere).stdout)["findings"]
    assert "error" in {finding["grade"] for finding in findings if finding["part"] == "migrations"}


def test_a_primary_that_takes_no_writes_is_not_ready_and_answers_503_until_it_does(
    pair: tuple[Installation, Standby],
) -> None:
    installation, _standby = pair
    web = installation.web()
    web.authorize(installation.client(SCOPES))
    path = f"/v1.0/contacts/{new_contact(web)}/details"

    def change() -> int:
        name = f"Spyri {time.monotonic_ns()}"
        return web.call("PATCH", path, {"details": {"personalInformation": {"lastName": name}}})[0]

    with installation.database() as database:
        database.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        database.execute("SELECT pg_reload_conf()")
        try:
            wait_until(lambda: change() == 503, "it takes writes")
            assert web.call("GET", path)[0] == 200
            wait_until(lambda: web.call("GET", "/health/ready")[0] == 503, "it is ready")
        finally:
            database.execute("SET default_transaction_read_only = off")
            database.execute("ALTER SYSTEM RESET default_transaction_read_only")
            database.execute("SELECT pg_reload_conf()")
    wait_until(lambda: change() == 200, "it takes no writes")


def test_no_acknowledged_change_is_lost_when_the_primary_dies_and_writes_are_back_soon(
    pair: tuple[Installation, Standby], capsys: pytest.CaptureFixture[str]
) -> None:
    installation, standby = pair
    web = installation.web(DATABASE_URL=address(installation.var, standby.var))
    web.authorize(installation.client(SCOPES))
    contacts = [new_contact(web) for _ in range(CHANGED)]
    kinds = web.call("POST", "/v1.0/lists/contact-type/search", {"filter": "client"})[2]["items"]
    load = MixedLoad(web, contacts, kinds[0]["id"])
    try:
        wait_until(lambda: len(load.answers) > WARM and load.succeeds(), "no load")
        kill_all(installation.postgres)
        wait_until(lambda: any(answer.status == 503 for answer in load.answers), "nothing failed")
        standby.promote()
        promoted = time.monotonic()
        wait_until(lambda: load.succeeds(since=promoted), "writes are not back", seconds=BACK_IN_SECONDS)
    finally:
        load.end()
    failed = [answer for answer in load.answers if answer.status >= 300]
    with capsys.disabled():
        sys.stdout.write(
            f"\nfailover: {len(load.answers)} requests, {len(failed)} failures, "
            f"longest gap of writes {load.longest_gap():.1f} s\n"
        )
    assert load.broken == []
    assert {answer.status for answer in failed} == {503}
    for contact in contacts:
        assert_whole(standby, contact, load)
    with standby.database() as database:
        query = "SELECT username, id FROM contacts_contact WHERE username LIKE 'new-%'"
        assert load.created.items() <= dict(database.execute(query).fetchall()).items()


def assert_whole(standby: Standby, contact: int, load: MixedLoad) -> None:
    """Versions without a gap, every acknowledged change once and in order, and the document that they lead to."""
    with standby.database() as database:
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
