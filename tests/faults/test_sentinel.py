"""Valkey behind Sentinels: the primary is killed under load, requests are answered all along, and jobs go on."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults.installation import Installation, Web, wait_until
from tests.faults.sentinels import PASSWORD, SENTINEL_PASSWORD, SERVICE, WatchedValkey
from tests.faults.test_database_restarts import new_contact

# Kombu waits between its attempts to reach the queue again, longer each time.
SLOW = 300
# More than the callers below need. A process asks Valkey once for each twenty calls, so it notices within seconds.
RATE = "2000/min"


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[WatchedValkey]:
    valkey = WatchedValkey(tmp_path)
    try:
        valkey.start()
        yield valkey
    finally:
        valkey.stop()


def url(valkey: WatchedValkey) -> str:
    hosts = ",".join(f"127.0.0.1:{port}" for port in valkey.sentinel_ports)
    passwords = quote(PASSWORD, safe=""), quote(SENTINEL_PASSWORD, safe="")
    return f"sentinel://:{passwords[0]}@{hosts}/0?service={SERVICE}&sentinel_password={passwords[1]}"


class Callers(threading.Thread):
    """Reads and changes a contact again and again. Notes what was not answered as it should be."""

    def __init__(self, web: Web, contact: int) -> None:
        super().__init__(daemon=True)
        self._web, self._path = web, f"/v1.0/contacts/{contact}/details"
        self.answered = 0
        self.wrong: list[tuple[str, int, object]] = []
        # Whether the last answer said how many calls are left, which Valkey counts.
        self.is_counted = False
        self.is_over = False

    def run(self) -> None:
        while not self.is_over:
            change = {"details": {"personalInformation": {"firstName": f"Johanna{self.answered}"}}}
            for method, body in (("GET", None), ("PATCH", change)):
                status, headers, answer = self._web.call(method, self._path, body)
                self.is_counted = "RateLimit" in headers
                self.answered += 1
                if status != 200:
                    self.wrong.append((method, status, answer))
            time.sleep(0.1)

    def finish(self) -> None:
        self.is_over = True
        self.join()


def ask_for_export(web: Web) -> str:
    status, _, asked = web.call("POST", "/v1.0/contacts/export", "", content_type="text/plain")
    assert status == 202, asked
    return f"/v1.0/contacts/export/{asked['exportJobId']}"


def is_done(web: Web, export: str) -> bool:
    return web.call("GET", export)[0] == 200


def test_the_primary_dies_under_load_and_no_request_fails_and_jobs_go_on(
    installation: Installation, valkey: WatchedValkey, client: tuple[str, str]
) -> None:
    environment = {"REDIS_URL": url(valkey), "API_RATE": RATE}
    web = installation.web(**environment)
    web.authorize(client)
    worker, beat = installation.worker(**environment), installation.beat(**environment)
    before = ask_for_export(web)
    wait_until(lambda: is_done(web, before), "no export while all is well", log=worker)
    callers = Callers(web, new_contact(web))
    callers.start()
    wait_until(lambda: callers.is_counted, "calls are not counted")

    old = valkey.primary
    valkey.kill_primary()
    meanwhile = ask_for_export(web)
    wait_until(lambda: not callers.is_counted, "the loss is not noticed")
    wait_until(lambda: valkey.primary != old, "the Sentinels do nothing")
    wait_until(lambda: callers.is_counted, "calls are not counted again")
    wait_until(lambda: web.status("/health/ready") == 200, "not ready again")

    # The worker has found the new primary, and takes what is sent now.
    after = ask_for_export(web)
    wait_until(lambda: is_done(web, after), "no export after the failover", seconds=SLOW, log=worker)
    # What was asked for without a queue comes when beat looks for lost jobs, as if minutes had passed.
    with installation.database() as connection:
        connection.execute("UPDATE importexport_exportjob SET created_at = created_at - interval '5 minutes'")
    wait_until(lambda: is_done(web, meanwhile), "the job was lost", seconds=SLOW, log=beat)

    callers.finish()
    assert callers.wrong == []
    assert callers.answered > 100
    report = installation.manage("doctor", **environment)
    assert "ok  queue: answers" in report.stdout
    assert "ok  workers: the scheduler sends, and a worker does" in report.stdout
    assert worker.lives
    assert beat.lives
    # No password in any log.
    for process in (web, worker, beat):
        assert PASSWORD not in process.output
        assert SENTINEL_PASSWORD not in process.output
