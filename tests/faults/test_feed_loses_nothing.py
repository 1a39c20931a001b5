"""A copy that follows the feed is true, whatever is killed meanwhile.

Writers commit after random delays while web servers and workers are killed. FEED_CHANGES and FEED_KILLS make the run
as long as one likes, FEED_REFUSED is the share of calls that the receiver refuses, FEED_DELAY the most seconds before a
commit; with `-s` it prints how long deliveries took.
"""

import os
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from http.client import HTTPException
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from tests.devstack.stack import ROOT, free_port
from tests.events.receivers import Call, Receiver
from tests.faults.installation import Installation, Process, Web, wait_until

CHANGES = int(os.environ.get("FEED_CHANGES", "800"))
KILLS = int(os.environ.get("FEED_KILLS", "4"))
WRITERS, PROCESSES = 8, 2
# As the documentation has them: one is for all work, the other for events alone.
WORKERS = (["--concurrency=2"], ["--concurrency=2", "--queues=events", "--hostname=events@%h"])
CONTACTS = 40
# About what the writers do on two cores, so that the kills are spread over the run.
CHANGES_PER_SECOND = 100
REFUSED = float(os.environ.get("FEED_REFUSED", "0.1"))
# For what is left to do at the end.
PATIENCE = 120 + CHANGES / 25


class Reader(threading.Thread):
    """Reads the feed over HTTP until it is stopped and there is nothing more."""

    def __init__(self, run: "Run", client: tuple[str, str]) -> None:
        super().__init__(daemon=True)
        run.web.authorize(client)
        self.run_of, self.token = run, run.web.token
        self.position = self._call("/v1.0/events?fromEnd=true")["next"]
        self.start_position = self.position
        self.events: list[Any] = []
        self.is_over = False

    def _call(self, path: str) -> Any:
        while True:
            try:
                status, _headers, body = self.run_of.web.call("GET", path, Authorization=f"Bearer {self.token}")
            except (OSError, HTTPException, ValueError):
                time.sleep(0.2)
                continue
            if status == 200:
                return body
            time.sleep(0.2)

    def run(self) -> None:
        while True:
            is_last = self.is_over
            page = self._call(f"/v1.0/events?after={self.position}&limit=1000&waitSeconds=2")
            self.events += page["events"]
            self.position = page["next"]
            if is_last and not page["events"] and not page["hasMore"]:
                return

    def finish(self) -> None:
        self.is_over = True
        self.join(PATIENCE)
        assert not self.is_alive()


class Run:
    """The processes: a web server and two workers, which are killed and started again, and beat."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.port = free_port()
        self.web = self._new_web()
        self.workers = [self._new_worker(*arguments) for arguments in WORKERS]
        self.beat = installation.beat()

    def _new_web(self) -> Web:
        web = Web(self.installation, self.port, {"WEBHOOK_ALLOW_PRIVATE": "1"})
        self.installation.processes.append(web)
        return web

    def _new_worker(self, *arguments: str) -> Process:
        return self.installation.worker(*arguments, WEBHOOK_ALLOW_PRIVATE="1")

    def kill_one(self, choice: random.Random) -> None:
        if choice.random() < 0.5:
            self.web.kill()
            self.web = self._new_web()
        else:
            number = choice.randrange(len(WORKERS))
            self.workers[number].kill()
            self.workers[number] = self._new_worker(*WORKERS[number])


class Unreliable:
    """Refuses some calls at random, and all that are not signed."""

    def __init__(self, secret: str) -> None:
        self._verifier = Verifier(secret)
        self._choice = random.Random(1)
        self.is_reliable = False

    def __call__(self, call: Call) -> int:
        try:
            self._verifier.verify(call.body, call.headers)
        except WebhookVerificationError:
            return 401
        return 500 if not self.is_reliable and self._choice.random() < REFUSED else 204


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def in_shell(installation: Installation, code: str) -> str:
    done = installation.manage("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


PREPARE = f"""
from accounts.actor import system_actor
from accounts.models import ClientApplication, Participant
from contacts.services.creation import create_contact
from schemas.models import ListItem
from tests.fixtures import details
participant = Participant.objects.create(name='Feed')
client = ListItem.objects.get(list__key='contact-type', key='client')
made = [create_contact(actor=system_actor('writer'), type_id=client.pk, username=f'feed-{{i}}', details=details())
        for i in range({CONTACTS})]
ClientApplication.objects.get(client_id='%s').participants.add(participant)
print(participant.pk, *(contact.pk for contact in made))
"""


def test_a_copy_made_from_the_feed_equals_the_database(installation: Installation, receiver: Receiver) -> None:
    everything = installation.client("contacts.read events.read webhooks")
    restricted = installation.client("contacts.read events.read")
    participant, *contacts = in_shell(installation, PREPARE % restricted[0]).split()
    run = Run(installation)
    run.web.authorize(everything)
    status, _headers, webhook = run.web.call("POST", "/v1.0/webhooks", {"url": receiver.url})
    assert status == 201, webhook
    receiver.answer = unreliable = Unreliable(webhook["secret"])
    readers = all_seeing, of_participant = Reader(run, everything), Reader(run, restricted)
    for reader in readers:
        reader.start()
    with installation.database() as database:
        before = _versions(database)

    writers = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.faults.feed_writers"),
                *map(str, (CHANGES // WRITERS, WRITERS // PROCESSES, number, participant, *contacts)),
            ],
            cwd=ROOT,
            env=installation.environment(DJANGO_SETTINGS_MODULE="config.settings.base"),
        )
        for number in range(PROCESSES)
    ]
    _kill_while(run, writers)
    assert [writer.wait() for writer in writers] == [0] * PROCESSES
    for reader in readers:
        reader.finish()

    with installation.database() as database:
        numbered = database.execute(
            "SELECT position, kind, subject_id, sequence"
            " FROM events_event JOIN audit_entry ON audit_entry.id = entry_id WHERE position > %s ORDER BY position",
            [all_seeing.start_position],
        ).fetchall()
        unnumbered = database.execute(
            "SELECT count(*) FROM audit_entry WHERE id > (SELECT floor FROM events_numbering)"
            " AND id NOT IN (SELECT entry_id FROM events_event)"
        ).fetchone()
        versions = _versions(database)
        seen = {
            pk
            for (pk,) in database.execute(
                "SELECT contact_id FROM contacts_contactparticipant WHERE participant_id = %s", [participant]
            )
        }
    assert unnumbered == (0,)
    # Some find the contact as they want it.
    assert len(numbered) >= CHANGES * 0.9
    _check_each_once_in_order(all_seeing, numbered)
    assert _copy_of(all_seeing.events, before) == versions
    assert _copy_for_participant(of_participant.events) == seen

    expected = {event["id"] for event in all_seeing.events}
    wait_until(
        lambda: len(receiver.accepted) > len(expected) / 2, "nothing is delivered", seconds=PATIENCE, log=run.workers[0]
    )
    # Otherwise one that is refused five times would be waited for.
    unreliable.is_reliable = True
    wait_until(
        lambda: expected <= {call.headers["webhook-id"] for call in list(receiver.accepted)},
        "not everything was delivered",
        seconds=PATIENCE,
        log=run.workers[0],
    )
    _check_deliveries(receiver)


def _kill_while(run: Run, writers: list[subprocess.Popen[bytes]]) -> None:
    choice = random.Random(2)
    kills = 0
    between = CHANGES / CHANGES_PER_SECOND / KILLS
    while any(writer.poll() is None for writer in writers):
        time.sleep(choice.uniform(between / 2, between * 3 / 2))
        if kills < KILLS:
            run.kill_one(choice)
            kills += 1
    while kills < KILLS:
        run.kill_one(choice)
        kills += 1


def _check_each_once_in_order(reader: Reader, numbered: list[tuple[int, str, int, int]]) -> None:
    positions = [event["position"] for event in reader.events]
    assert positions == list(range(reader.start_position + 1, reader.start_position + len(positions) + 1))
    assert [(event["position"], event["kind"], event["subject"]["id"]) for event in reader.events] == [
        row[:3] for row in numbered
    ]
    assert len({event["id"] for event in reader.events}) == len(reader.events)
    sequences: dict[tuple[str, int], list[int]] = defaultdict(list)
    for _position, kind, subject, sequence in numbered:
        sequences[kind, subject].append(sequence)
    for found in sequences.values():
        assert found == list(range(found[0], found[0] + len(found)))


def _versions(database: Any) -> dict[int, int]:
    return dict(database.execute("SELECT id, version FROM contacts_contact").fetchall())


def _copy_of(events: list[Any], before: dict[int, int]) -> dict[int, int]:
    """Return the version of each contact as the events have it; those that nothing happened to are as they were."""
    copy = dict(before)
    for event in events:
        if event["kind"] == "contact-details":
            copy[event["subject"]["id"]] = event["version"]
    return copy


def _copy_for_participant(events: list[Any]) -> set[int]:
    """Return the contacts that the application sees, as its events have it; it hears of no other."""
    copy: set[int] = set()
    for event in events:
        contact = event["subject"]["id"]
        if event["type"] == "contact.entered":
            assert contact not in copy
            copy.add(contact)
        elif event["type"] == "contact.left":
            copy.remove(contact)
        else:
            assert contact in copy, event
    return copy


def _check_deliveries(receiver: Receiver) -> None:
    """The first deliveries of the events of a subject come in their order."""
    first: dict[str, Call] = {}
    for call in receiver.accepted:
        first.setdefault(call.headers["webhook-id"], call)
    _print_times(receiver, list(first.values()))
    by_subject: dict[str, list[int]] = defaultdict(list)
    for call in first.values():
        by_subject[call.event["subject"]].append(call.event["data"]["position"])
    for positions in by_subject.values():
        assert positions == sorted(positions)


def _print_times(receiver: Receiver, first: list[Call]) -> None:
    """Print how long it took from the change, which is not committed yet, to the first call that was accepted."""
    took = sorted(call.received_at - datetime.fromisoformat(call.event["time"]).timestamp() for call in first)
    middle, most = took[len(took) // 2], took[len(took) * 95 // 100]
    twice = len(receiver.accepted) - len(took)
    refused = len(receiver.refused)
    print(f"{len(took):,} events, {twice:,} twice, {refused:,} refused: p50 {middle:.2f} s, p95 {most:.2f} s")  # noqa: T201
