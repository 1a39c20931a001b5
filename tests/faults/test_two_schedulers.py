"""Two schedulers run, and one sends: over crashes, suspensions and stops, and without the queue."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from redis import Redis

from devstack.embedded import paths
from operations.scheduler import LEASE_SECONDS
from tests.faults.installation import Installation, Process, wait_until

# Due each second; its message says until when it is wanted: five seconds after it was sent.
EACH_SECOND = "events.tasks.deliver_due"
WANTED_FOR = timedelta(seconds=5)
EACH_HOUR = "tidy imports", "importexport.imports.tasks.tidy_imports"
# What the documentation promises, and the second in which the task is due.
TAKES_OVER_WITHIN = timedelta(seconds=10 + 1)


class Queue:
    """What was sent: no worker takes it."""

    NAMES = ("celery", "events")

    def __init__(self, installation: Installation) -> None:
        self._client = Redis.from_url(paths.redis_url(installation.var))
        self._client.delete(*self.NAMES)

    def headers(self) -> list[dict[str, Any]]:
        """The headers of the messages, those of each task in the order in which they were sent."""
        found = []
        for name in self.NAMES:
            messages = self._client.lrange(name, 0, -1)
            assert isinstance(messages, list)
            found += [json.loads(message)["headers"] for message in reversed(messages)]
        return found

    def times(self, beat: Process | None = None) -> list[datetime]:
        """When the task of each second was sent, by this scheduler or by any."""
        return [
            datetime.fromisoformat(header["expires"]) - WANTED_FOR
            for header in self.headers()
            if header["task"] == EACH_SECOND and (beat is None or header["origin"].startswith(f"gen{beat.pid}@"))
        ]

    def close(self) -> None:
        self._client.delete(*self.NAMES)
        self._client.close()


@pytest.fixture
def queue(installation: Installation) -> Iterator[Queue]:
    queue = Queue(installation)
    yield queue
    queue.close()


def sends(queue: Queue, beat: Process) -> None:
    """Wait until the scheduler sends, and has sent for some seconds."""
    before = len(queue.times(beat))
    wait_until(lambda: len(queue.times(beat)) >= before + 3, "it does not send", log=beat)


def standing_by(installation: Installation) -> Process:
    beat = installation.beat()
    wait_until(lambda: "beat: Starting" in beat.output, "it did not start", log=beat)
    return beat


def took_over(queue: Queue, after: datetime, beat: Process) -> timedelta:
    """Wait until the scheduler sends; return how long nobody did."""
    wait_until(lambda: any(time > after for time in queue.times(beat)), "nobody took over", log=beat)
    return min(time for time in queue.times(beat) if time > after) - after


def test_one_sends_and_the_other_takes_over_when_it_is_killed_suspended_or_stopped(
    installation: Installation, queue: Queue
) -> None:
    with installation.database() as connection:
        _leave_lease(connection, sent_an_hour_ago=EACH_HOUR[0])
    first = standing_by(installation)
    sends(queue, first)
    second = standing_by(installation)
    sends(queue, first)
    assert not queue.times(second)

    first.kill()
    assert took_over(queue, queue.times(first)[-1], second) < TAKES_OVER_WITHIN

    third = standing_by(installation)
    sends(queue, second)
    second.send(signal.SIGSTOP)
    assert took_over(queue, queue.times(second)[-1], third) < TAKES_OVER_WITHIN
    second.send(signal.SIGCONT)
    wait_until(lambda: "lease_lost" in second.output, "it does not notice that it was replaced", log=second)
    assert not [at for at in queue.times(second) if at > queue.times(third)[0]]

    with installation.without_queue():
        wait_until(lambda: "Message Error" in third.output, "the queue is not missed", log=third)
    sends(queue, third)

    assert third.terminate() == 0
    # At once, because the lease was given back.
    assert took_over(queue, queue.times(third)[-1], second) < timedelta(seconds=LEASE_SECONDS / 2)
    sends(queue, second)

    sent = queue.times()
    # None twice in the same second, but for what a busy machine delays.
    assert min(after - before for before, after in pairwise(sent)) > timedelta(seconds=0.5), sent
    # What is due each hour was sent once, though four processes had the schedule one after the other.
    assert [header["task"] for header in queue.headers()].count(EACH_HOUR[1]) == 1


def _leave_lease(connection: psycopg.Connection, *, sent_an_hour_ago: str) -> None:
    """As if the last scheduler had ended when a task that is due each hour was all but due again."""
    sent = {sent_an_hour_ago: (datetime.now(UTC) - timedelta(seconds=3590)).isoformat()}
    connection.execute(
        "INSERT INTO operations_schedulerlease (id, holder, expires_at, sent) VALUES (1, 'before', now(), %s)"
        " ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, expires_at = now(), sent = excluded.sent",
        [json.dumps(sent)],
    )
