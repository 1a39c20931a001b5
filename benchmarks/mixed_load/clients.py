"""The clients: each a thread that repeats one kind of operation and records the responses."""

import csv
import io
import random
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Any

import orjson

from benchmarks.mixed_load.measures import Measures
from benchmarks.mixed_load.world import World, entry

Stop = threading.Event


class Client:
    """HTTP client with a bearer token that alternates between the web processes."""

    token_of = staticmethod(lambda world, number: world.application_token)

    def __init__(self, measures: Measures, ports: Sequence[int], token: str, stop: Stop) -> None:
        self._measures, self._token, self._stop = measures, token, stop
        self._connections = [HTTPConnection("127.0.0.1", port, timeout=60) for port in ports]
        self._turns = count()

    def call(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        **headers: str,
    ) -> tuple[int, Any, Any]:
        """Return status, body (parsed if JSON) and headers, and record them under the kind."""
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        sent = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = self._connections[next(self._turns) % len(self._connections)]
        began = time.perf_counter()
        try:
            status, content, found = _ask(connection, method, path, data, sent)
        except (OSError, HTTPException) as error:
            self._measures.note(kind, 0, time.perf_counter() - began, type(error).__name__, repr(error))
            return 0, None, {}
        seconds = time.perf_counter() - began
        is_json = found.get("Content-Type", "").startswith("application/json")
        answer = orjson.loads(content) if is_json and content else content
        sub_code = answer.get("subCode", "") if isinstance(answer, dict) else ""
        self._measures.note(kind, status, seconds, sub_code, f"{path} {content[:300]!r}")
        return status, answer, found

    def try_status(self, path: str) -> int:
        try:
            return _ask(self._connections[0], "GET", path, None, {})[0]
        except (OSError, HTTPException):
            return 0


def _ask(
    connection: HTTPConnection, method: str, path: str, data: bytes | None, headers: dict[str, str]
) -> tuple[int, bytes, Any]:
    """Send a request. Reconnects and retries a GET if the server has closed the idle connection."""
    try:
        for attempt in (1, 2):
            reused = connection.sock is not None
            try:
                connection.request(method, path, data, headers)
                response = connection.getresponse()
                return response.status, response.read(), response.headers
            except (ConnectionResetError, BrokenPipeError, HTTPException):
                connection.close()
                # Only safe requests are retried.
                if attempt == 2 or not reused or method != "GET":
                    raise
        raise AssertionError("unreachable")
    except OSError:
        connection.close()
        raise


class Runner(Client):
    """A client that repeats `once` until the stop event is set."""

    def __init__(
        self,
        world: World,
        measures: Measures,
        ports: Sequence[int],
        stop: Stop,
        *,
        number: int,
        seed: int,
        entries: int,
    ) -> None:
        super().__init__(measures, ports, self.token_of(world, number), stop)
        self._world, self._number, self._entries = world, number, entries
        self._random = random.Random(seed)

    def run(self) -> None:
        while not self._stop.is_set():
            try:
                self.once()
            except Exception as error:
                self._measures.fail(f"{type(self).__name__}: {error!r}")
                raise

    def once(self) -> None:
        raise NotImplementedError

    def any_contact(self) -> int:
        return self._random.choice(self._world.contact_ids)

    def shared_contact(self) -> int:
        return self._random.choice(self._world.shared_ids)


class Reader(Runner):
    """Reads details, searches histories and queries GraphQL."""

    def once(self) -> None:
        contact = self.any_contact()
        self.call("read details", "GET", f"/v1.0/contacts/{contact}/details")
        path = f"/v1.1/contacts/{contact}/details/change-history/search"
        self.call("search history", "POST", path, {"pageSize": 20})
        where = f'{{ username: {{ eq: "load-{contact % 1000}" }} }}'
        query = f"{{ contacts(where: {where}, pageSize: 5) {{ results {{ id }} }} }}"
        self.call("graphql", "POST", "/graphql", {"query": query})


class Patcher(Runner):
    """An application, which needs no approval. Half of its requests have If-Match and may lose a race."""

    def once(self) -> None:
        contact = self.shared_contact()
        path = f"/v1.0/contacts/{contact}/details"
        phone = f"+41 44 {self._number}{self._random.randrange(10**9):09}"
        headers = {}
        if self._random.random() < 0.5:
            _, _, found = self.call("read details", "GET", path)
            headers = {"If_Match": found.get("ETag", "")}
        body = {"details": {"contactInformation": {"phone": phone}}}
        status, _, _ = self.call("patch details", "PATCH", path, body, **headers)
        if status == 200:
            self._world.acknowledged.setdefault(contact, []).append(phone)


class Submitter(Runner):
    """A member, whose changes need approval. It cancels some of its requests."""

    token_of = staticmethod(lambda world, number: world.member_tokens[number])

    def once(self) -> None:
        contact = self.shared_contact()
        name = f"Name {self._number} {self._random.randrange(10**9)}"
        body = {"details": {"personalInformation": {"lastName": name}}}
        self.call("submit for review", "PATCH", f"/v1.0/contacts/{contact}/details", body)
        if self._random.random() < 0.1:
            search = {"statusId": 1, "contactIds": [contact]}
            _, found, _ = self.call("search requests", "POST", "/v1.0/contacts/change-requests/search", search)
            for row in (found or {}).get("results", [])[:1]:
                path = f"/v1.0/contacts/{contact}/change-requests/{row['id']}/cancel"
                # Cancelling a colleague's request would fail without any race.
                if f"Clerk{self._number}" in row["initiatorMember"]["name"]:
                    self.call("cancel", "POST", path)


class Reviewer(Runner):
    """A member with the permission to review. Two of them work on the same queue."""

    token_of = staticmethod(lambda world, number: world.reviewer_tokens[number])

    def once(self) -> None:
        search = {"statusId": 1, "pageSize": 10}
        _, found, _ = self.call("search requests", "POST", "/v1.0/contacts/change-requests/search", search)
        rows = (found or {}).get("results", [])
        if not rows:
            time.sleep(0.05)
            return
        row = self._random.choice(rows)
        path = f"/v1.0/contacts/{row['contact']['id']}/change-requests/{row['id']}/review"
        is_approved = self._random.random() < 0.7
        self.call("review", "POST", path, {"isApproved": is_approved, "comment": "load"})


class Importer(Runner):
    """Runs one import after the other, with new, changed and contended contacts and invalid entries."""

    files = 0

    def once(self) -> None:
        Importer.files += 1
        number = Importer.files
        entries = [self._entry(number, position) for position in range(self._entries)]
        boundary = "kontor-boundary"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="load.json"\r\n\r\n'.encode()
        body = head + b"\n".join(map(orjson.dumps, entries)) + f"\r\n--{boundary}--\r\n".encode()
        status, _, _ = self.call(
            "upload", "POST", "/v1.0/contacts/import", body, content_type=f"multipart/form-data; boundary={boundary}"
        )
        assert status in (200, 201, 202), status
        status, asked, _ = self.call("start import", "POST", "/v1.0/contacts/import/sync", {})
        assert status in (200, 202), asked
        while True:
            _, found, _ = self.call("import status", "GET", f"/v1.0/import/sync/{asked['statusId']}/status")
            if found["status"] not in ("Pending", "Running"):
                break
            time.sleep(0.3)
        self._world.imports.append({**found["progress"], "entries": len(entries)})

    def _entry(self, number: int, position: int) -> dict[str, Any]:
        kind = self._world.contact_type_id
        known = len(self._world.contact_ids)
        match position % 4:
            case 0:  # new
                return entry(kind, number * 10_000_000 + position)
            case 1:  # a contact that no other client changes
                shared = len(self._world.shared_ids)
                return entry(kind, shared + position % (known - shared), notes=f"import {number}")
            case 2:  # a contact that others change concurrently
                return entry(kind, position % len(self._world.shared_ids), notes=f"import {number}")
            case _:
                return {**entry(kind, number * 10_000_000 + position), "username": position}


class Exporter(Runner):
    """Runs one export after the other and checks that each is complete."""

    def once(self) -> None:
        status, asked, _ = self.call("ask for export", "POST", "/v1.0/contacts/export", b"", content_type="text/plain")
        assert status == 202, asked
        path = f"/v1.0/contacts/export/{asked['exportJobId']}"
        while (answer := self.call("fetch export", "GET", path))[0] == 202:
            time.sleep(0.3)
        rows = list(csv.DictReader(io.StringIO(answer[1].decode())))
        ids = [int(row["id"]) for row in rows]
        if ids != sorted(set(ids)) or not set(self._world.contact_ids) <= set(ids):
            self._measures.fail("an export misses contacts, or has some twice")


# The number of threads of each.
CLIENTS: Sequence[tuple[type[Runner], int]] = (
    (Reader, 3),
    (Patcher, 2),
    (Submitter, 2),
    (Reviewer, 2),
    (Importer, 1),
    (Exporter, 1),
)
