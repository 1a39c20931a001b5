"""Clients of all kinds, through a failover."""

import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.faults.installation import Web
from tests.faults.test_database_restarts import DETAILS

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
