"""Concurrent requests, each on its own database connection."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection, transaction

from tests.api import Answer

T = TypeVar("T")

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    """Run the calls simultaneously in threads with their own connections; return the answers in order."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Answer]) -> Answer:
        try:
            barrier.wait(timeout=10)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def while_waiting(call: Callable[[], T], *, before: Callable[[], object]) -> T:
    """Run `before` in a transaction, run the call in a thread until it waits for a lock, then commit.

    Return the result of the call. Fails if it does not wait for a lock.
    """

    def run() -> T:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            before()
            given = pool.submit(run)
            until_somebody_waits()
        return given.result(timeout=20)


def until_somebody_waits() -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Within a transaction, PostgreSQL would otherwise return the same snapshot of the statistics again.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits for a lock")
