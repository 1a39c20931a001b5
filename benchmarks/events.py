"""What events cost, and how fast they are read: imports with and without them, a page of the feed, waiting readers."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

import orjson
import psycopg
from django.db import connection

from accounts.scopes import ALL_SCOPES
from benchmarks.http import application_token, each, house_now, kontor, middle, rounds_of
from benchmarks.importing import sync, write_entries
from benchmarks.load import Measured
from benchmarks.place import PLACE, conninfo
from benchmarks.report import Figure, ratio
from benchmarks.rounds import timed
from events.models import Event
from events.queries.feed import Consumer, page_of_events
from events.serializers import EventsSerializer
from events.services.numbering import number_all_events

ENTRIES = 100_000
ROUNDS = 3
FIRST = 50_000_000
WAITING = 40
SETTLING_SECONDS = 5
PAGE = 1_000
INDEX = "entry_by_transaction"
BY_HAND = f"""
    SELECT event.position, event.type, entry.id, entry.recorded_at, entry.kind, entry.subject_id, entry.sequence,
           entry.change_request_id, contact.uid,
           ARRAY(SELECT jsonb_path_query(entry.changes, '$[*].path') #>> '{{}}')
      FROM events_event event
      JOIN audit_entry entry ON entry.id = event.entry_id
      JOIN contacts_contact contact ON contact.id = entry.subject_id
     WHERE event.position > %s
     ORDER BY event.position LIMIT {PAGE}
"""


def measure(*, entries: int = ENTRIES, rounds: int = ROUNDS) -> list[Figure]:
    # Imported contacts are those of no participant, which would be not found.
    return [*_waiting(), *_imports(entries, rounds), *_pages()]


def _imports(entries: int, rounds: int) -> list[Figure]:
    """Import new contacts with the index that finds new entries and their numbering, and without both."""
    file = PLACE / "events.jsonl"
    found: dict[str, list[float]] = {"with": [], "without": []}
    numbering: list[float] = []
    for number in range(rounds):
        for offset, name in enumerate(("without", "with")):
            first = FIRST + (2 * number + offset) * entries
            write_entries(file, range(first, first + entries), note="Imported.")
            _set_index(is_wanted=name == "with")
            number_all_events()
            seconds = sync(file, "created", entries)
            if name == "with":
                began = time.perf_counter()
                number_all_events()
                numbering.append(time.perf_counter() - began)
                seconds += numbering[-1]
            found[name].append(seconds)
    _set_index(is_wanted=True)
    return [
        Figure(
            f"import of {entries:,} with events",
            min(found["with"]),
            "s",
            "without",
            ratio(found["with"], found["without"]),
            1.1,
            is_at_most=True,
        ),
        Figure("numbering of its entries", entries / min(numbering), "/s"),
    ]


def _set_index(*, is_wanted: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {INDEX}")
        if is_wanted:
            cursor.execute(f"CREATE INDEX {INDEX} ON audit_entry (transaction_id)")


def _pages() -> list[Figure]:
    """Read pages of a thousand events, and the same by one statement by hand."""
    consumer = Consumer(0, (), frozenset(ALL_SCOPES))
    start = Event.objects.latest("position").position - 20 * PAGE
    with psycopg.connect(conninfo()) as own:
        found = timed(
            {
                "ours": lambda: EventsSerializer(page_of_events(consumer, after=start, limit=PAGE)).data,
                "by hand": lambda: own.execute(BY_HAND, [start]).fetchall(),
            },
            times=10,
        )
    return [
        Figure(
            f"a page of {PAGE:,} events",
            min(found["ours"]),
            "ms",
            "the statement by hand",
            ratio(found["by hand"], found["ours"]),
            0.5,
        )
    ]


def _waiting() -> list[Figure]:
    """Read details with readers of the feed waiting and with none."""
    number_all_events()
    house = house_now()
    token = application_token(scopes=["events.read", "contacts.read"])
    with kontor(house) as server:
        found: dict[str, list[Measured]] = {"waiting": [], "none": []}
        for _round in range(ROUNDS):
            found["none"] += rounds_of({"kontor": server}, "GET", 1)["kontor"]
            with _readers(server.port, token):
                found["waiting"] += rounds_of({"kontor": server}, "GET", 1)["kontor"]
    return [
        Figure(
            f"GET details with {WAITING} long polls, {name}",
            middle(found["waiting"], name),
            "ms",
            "with none",
            ratio(each(found["waiting"], name), each(found["none"], name)),
            1.15,
            is_at_most=True,
        )
        for name in ("p50", "p99")
    ]


@contextmanager
def _readers(port: int, token: str) -> Iterator[None]:
    """Have readers wait for events as clients do: who cannot wait comes again when it was asked to."""
    is_over = threading.Event()

    def read() -> None:
        position = _feed(port, token, "fromEnd=true")[0]
        while not is_over.is_set():
            position, again = _feed(port, token, f"after={position}&waitSeconds=5")
            is_over.wait(again)

    readers = [threading.Thread(target=read) for _ in range(WAITING)]
    for reader in readers:
        reader.start()
    # All of them come at once, and at different times from then on.
    time.sleep(SETTLING_SECONDS)
    try:
        yield
    finally:
        is_over.set()
        for reader in readers:
            reader.join()


def _feed(port: int, token: str, query: str) -> tuple[int, int]:
    """Return where to go on, and after how many seconds."""
    connected = HTTPConnection("127.0.0.1", port, timeout=30)
    connected.request("GET", f"/v1.0/events?{query}", headers={"Authorization": f"Bearer {token}"})
    answer = connected.getresponse()
    body = orjson.loads(answer.read())
    connected.close()
    assert answer.status == 200, body
    return body["next"], int(answer.headers.get("Retry-After", 0))
