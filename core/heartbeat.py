"""Heartbeat and progress of a running job, committed immediately so that pollers see them."""

import threading
from types import TracebackType
from typing import Any, Self

import structlog
from django.db import DatabaseError, connection

from core.jobs import JobLease, JobLeaseLostError

log = structlog.get_logger("kontor.jobs")

BEAT_SECONDS = 1.0


class Heartbeat:
    """Writes heartbeat and progress from a thread with its own connection, because the work runs in a transaction and
    may spend a long time in one statement.

    Not for work that locks the job's row: the heartbeat would wait for the lock, which keeps other workers out anyway.
    """

    def __init__(self, lease: JobLease[Any]) -> None:
        self._lease = lease
        self._total: int | None = None
        self._processed = 0
        self._is_lost = False
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_over, name=f"heartbeat of {lease.job.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def expect(self, total: int) -> None:
        """Set the total."""
        self._total = total

    def report(self, processed: int) -> None:
        """Set the number of processed items. Raise JobLeaseLostError."""
        self._processed = processed
        self.check()

    def check(self) -> None:
        """Raise JobLeaseLostError if the last heartbeat found the lease lost."""
        if self._is_lost:
            raise JobLeaseLostError

    def _beat_until_over(self) -> None:
        try:
            while not self._is_over.wait(BEAT_SECONDS) and not self._is_lost:
                self._beat()
        finally:
            connection.close()

    def _beat(self) -> None:
        try:
            self._lease.write(processed=self._processed, total=self._total)
        except JobLeaseLostError:
            self._is_lost = True
        except DatabaseError as error:
            # A missed heartbeat does no harm. Close the connection, which may be broken; the next one reconnects.
            log.warning("heartbeat_failed", job=str(self._lease.job.pk), error=type(error).__name__)
            connection.close()
