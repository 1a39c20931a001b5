"""Beat's scheduler: any number may run, and one of them sends.

The one that holds the lease sends. The lease is a row in PostgreSQL, because tasks need PostgreSQL anyway, while Valkey
may be lost, and because a row, unlike a lock of a session, also works through PgBouncer and runs out by itself when a
host dies. The row carries the times at which tasks were last sent, so that the next holder goes on with the schedule
instead of beginning it.

If two send all the same, because one was suspended after it looked, nothing is done twice: tasks claim their rows.
"""

import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import structlog
from celery.beat import Scheduler, SchedulingError
from kombu import Connection
from psycopg.types.json import Jsonb

from operations import probes

LEASE_SECONDS = 8
# Sends end before the lease does, so that a clock that is a little slow does no harm.
MARGIN_SECONDS = 1
RENEW_SECONDS = 2
STANDBY_SECONDS = 1

# The row's own `sent` is kept by another holder, and returned to it.
_TAKE_OR_RENEW = """
    INSERT INTO operations_schedulerlease AS lease (id, holder, expires_at, sent)
    VALUES (1, %(holder)s, clock_timestamp() + make_interval(secs => %(seconds)s), %(sent)s)
    ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
        sent = CASE WHEN lease.holder = excluded.holder THEN excluded.sent ELSE lease.sent END
     WHERE lease.holder = excluded.holder OR lease.expires_at < clock_timestamp()
    RETURNING sent
"""
_RELEASE = """
    UPDATE operations_schedulerlease SET expires_at = clock_timestamp(), sent = %(sent)s WHERE holder = %(holder)s
"""

Times = dict[str, str]

log = structlog.get_logger("kontor.scheduler")


class Lease:
    """The lease as one process sees it. Each look at it is a connection of its own, with short time limits."""

    def __init__(self) -> None:
        self.holder = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"
        self._held_until = self._renew_at = float("-inf")
        self._is_mine = False

    @property
    def is_held(self) -> bool:
        return time.monotonic() < self._held_until

    def take_or_renew(self, sent: Callable[[], Times]) -> Times | None:
        """Renew the lease if that is due, or take it if it is free.

        Return the times that its former holder left if it was taken just now, otherwise None. Without the database
        the lease is held until it runs out.
        """
        now = time.monotonic()
        if now < self._renew_at:
            return None
        try:
            with probes.database() as own:
                row = own.execute(_TAKE_OR_RENEW, self._values(sent(), seconds=LEASE_SECONDS)).fetchone()
        except psycopg.Error as error:
            log.warning("lease_unavailable", error=type(error).__name__)
            self._renew_at = now + STANDBY_SECONDS
            return None
        self._held_until = now + LEASE_SECONDS - MARGIN_SECONDS if row else float("-inf")
        self._renew_at = now + (RENEW_SECONDS if row else STANDBY_SECONDS)
        had_it, self._is_mine = self._is_mine, row is not None
        if had_it and row is None:
            log.warning("lease_lost")
        if had_it or row is None:
            return None
        log.info("lease_taken", holder=self.holder)
        left: Times = row[0]
        return left

    def release(self, sent: Times) -> None:
        """Give the lease back, so that another one takes it at once."""
        try:
            if self.is_held:
                with probes.database() as own:
                    own.execute(_RELEASE, self._values(sent))
        except psycopg.Error as error:
            log.warning("lease_unavailable", error=type(error).__name__)
        self._held_until = float("-inf")

    def _values(self, sent: Times, **parameters: object) -> dict[str, object]:
        return {"holder": self.holder, "sent": Jsonb(sent), **parameters}


class LeasedScheduler(Scheduler):
    """Celery's scheduler, which sends only while it holds the lease."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._lease = Lease()
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; return the seconds until the next call."""
        left = self._lease.take_or_renew(self._sent)
        if left is not None:
            self._go_on_from(left)
        if not self._lease.is_held:
            return STANDBY_SECONDS
        seconds: float = super().tick(*args, **kwargs)
        return min(seconds, RENEW_SECONDS)

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        """Send a task. A connection that failed is made again for the next one."""
        try:
            return super().apply_async(*args, **kwargs)
        except SchedulingError:
            self._disconnect()
            raise

    def close(self) -> None:
        self._lease.release(self._sent())
        super().close()

    def _ensure_connected(self) -> Connection:
        # Celery would wait here, up to half a minute between its attempts, and hold up the lease meanwhile.
        return self.connection

    def _disconnect(self) -> None:
        self.__dict__.pop("producer", None)
        connection: Connection | None = self.__dict__.pop("connection", None)
        if connection is not None:
            connection.collect()

    def _sent(self) -> Times:
        return {name: entry.last_run_at.astimezone(UTC).isoformat() for name, entry in self.schedule.items()}

    def _go_on_from(self, left: Times) -> None:
        now = datetime.now(UTC)
        for name, entry in self.schedule.items():
            if name in left:
                # Not after now, if the clock of the other host is ahead.
                entry.last_run_at = min(datetime.fromisoformat(left[name]), now)
        # Celery works out from the schedule when each entry is due.
        self._heap = None
