"""A sign of life of a running export, and how far it is, where pollers see it at once."""

import threading
from types import TracebackType
from typing import Self

import structlog
from django.db import DatabaseError, connection
from django.utils import timezone

from core.jobs import JobLeaseLostError
from importexport.models import ExportJob, ExportStatus

log = structlog.get_logger("kontor.exports")

BEAT_SECONDS = 1.0


class Heartbeat:
    """Writes to the job's row from a thread, on a connection of its own: the work stands in a transaction, and may
    be busy with one statement for long.
    """

    def __init__(self, job: ExportJob) -> None:
        self._mine = ExportJob.objects.filter(pk=job.pk, attempts=job.attempts, status=ExportStatus.RUNNING)
        self._total: int | None = None
        self._processed = 0
        self._is_lost = False
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_over, name=f"heartbeat of {job.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def expect(self, total: int) -> None:
        """There are so many rows to write."""
        self._total = total

    def report(self, processed: int) -> None:
        """So many rows are written. Raises JobLeaseLostError when the work is in vain."""
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
            self._is_lost = not self._mine.update(
                heartbeat_at=timezone.now(), processed=self._processed, total=self._total
            )
        except DatabaseError as error:
            # One beat more or less does not matter; a connection that is broken is made anew for the next.
            log.warning("export_heartbeat_failed", error=type(error).__name__)
            connection.close()
