"""A load of requests that counts every failure, for tests that replace the web server under it.

Clients keep their connections as proxies do, or open one for each request, or wait for events. None of them tries
anything again.
"""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, pairwise

VERSION_HEADER = "X-Version"
WAIT_SECONDS = 6
# The servers start meanwhile, on the same cores.
PAUSE_SECONDS = 0.01


@dataclass(frozen=True)
class Answer:
    """One answer: when it was complete, after how long, and which version gave it."""

    at: float
    seconds: float
    version: str | None


class SteadyLoad:
    """Requests on one contact until `end`; `summary` says how they went."""

    def __init__(self, port: int, token: str, contact: int) -> None:
        self._port, self._details = port, f"/v1.0/contacts/{contact}/details"
        self._headers = {"Host": "kontor.example", "X-Forwarded-Proto": "https", "Authorization": f"Bearer {token}"}
        self._headers["Content-Type"] = "application/json"
        self._stop = threading.Event()
        self._numbers = count(1)
        self._no_events = f"/v1.0/events?types=schema.changed&after={self._end_of_feed()}"
        self.answers: list[Answer] = []
        self.polls: list[Answer] = []
        self.failures: list[str] = []
        kinds: list[tuple[Callable[[http.client.HTTPConnection], None], bool]] = [
            (self._get, True),
            (self._patch, True),
            (self._get, False),
            (self._poll, True),
        ]
        self._threads = [threading.Thread(target=self._run, args=kind, daemon=True) for kind in kinds]
        for thread in self._threads:
            thread.start()

    def latest_versions(self) -> set[str | None]:
        return {answer.version for answer in self.answers[-20:]}

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(WAIT_SECONDS + 60)
            assert not thread.is_alive()

    def summary(self) -> str:
        ends = sorted(answer.at for answer in self.answers)
        gap = max(after - before for before, after in pairwise(ends))
        longest = max(answer.seconds for answer in self.answers)
        return (
            f"{len(self.answers)} requests and {len(self.polls)} long polls for events, {len(self.failures)} failures; "
            f"longest gap between answers {gap * 1000:.0f} ms, longest request {longest * 1000:.0f} ms"
        )

    def _run(self, call: Callable[[http.client.HTTPConnection], None], keeps_connection: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._stop.is_set():
            try:
                # It connects again by itself where an answer said that the server closes the connection.
                call(connection)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{call.__name__}: {error!r}")
                connection.close()
            if not keeps_connection:
                connection.close()
        connection.close()

    def _get(self, connection: http.client.HTTPConnection) -> None:
        self.answers.append(self._answer(connection, "GET", self._details))
        time.sleep(PAUSE_SECONDS)

    def _patch(self, connection: http.client.HTTPConnection) -> None:
        change = {"details": {"relationship": {"notes": f"Seen {next(self._numbers)}"}}}
        self.answers.append(self._answer(connection, "PATCH", self._details, json.dumps(change)))
        time.sleep(PAUSE_SECONDS)

    def _poll(self, connection: http.client.HTTPConnection) -> None:
        # Of a kind that does not happen here, so that the answer comes when the time is over or the server ends.
        self.polls.append(self._answer(connection, "GET", f"{self._no_events}&waitSeconds={WAIT_SECONDS}"))

    def _end_of_feed(self) -> int:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)) as connection:
            connection.request("GET", "/v1.0/events?fromEnd=true", headers=self._headers)
            position: int = json.load(connection.getresponse())["next"]
            return position

    def _answer(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: str | None = None
    ) -> Answer:
        started = time.monotonic()
        connection.request(method, path, body, self._headers)
        with contextlib.closing(connection.getresponse()) as response:
            response.read()
            ended = time.monotonic()
            if response.status != 200:
                self.failures.append(f"{method} {path}: {response.status}")
            return Answer(ended, ended - started, response.headers.get(VERSION_HEADER))
