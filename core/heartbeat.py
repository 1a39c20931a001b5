"""A sign of life of a running job, and how far it is, where pollers see it at once."""

import threading
from types import TracebackType
from typing import Any, Self

import structlog
from django.db import DatabaseError, connection

from core.jobs import JobLease, JobLeaseLostError

log = structlog.get_logger("kontor.jobs")

BEAT_SECONDS = 1.0


class Heartbeat:
    """Writes to the job's row from a thread, on a connection of its own: the work stands in a transaction, and may
    be busy with one statement for long.

    Not for work that locks the row: the lock keeps other workers off for as long as a transaction takes.
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
        """There is so much to do."""
        self._total = total

    def report(self, processed: int) -> None:
        """So much is done. Raises JobLeaseLostError when the work is in vain."""
        self._processed = processed
        self.check()

    def check(self) -> None:
        """Raises JobLeaseLostError when the job is no longer this worker's."""
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
            # One beat more or less does not matter; a connection that is broken is replaced for the next.
            log.warning("heartbeat_failed", job=str(self._lease.job.pk), error=type(error).__name__)
            connection.close()
