"""Doing an export: a worker takes the job, writes the file and stores it.

The row is the truth. It says at any moment who may write to it (`attempts`), whether the work lives (`heartbeat_at`)
and under which name the file is, or will be, stored.
"""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Protocol
from uuid import UUID

import structlog
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.actor import Actor
from contacts.services.stored_files import discard_file
from core.errors import ApiError
from core.jobs import JobLeaseLostError, free_jobs
from importexport.exports.anonymization_lock import wait_for_anonymization
from importexport.exports.columns import columns_of
from importexport.exports.heartbeat import Heartbeat
from importexport.exports.selection import Selection, selected_rows
from importexport.exports.writing import write_csv
from importexport.job_ownership import actor_of_job
from importexport.models import ExportJob, ExportStatus

log = structlog.get_logger("kontor.exports")

SCOPE = "exports"
LOST_AFTER = timedelta(minutes=2)
KEPT_FOR = timedelta(hours=24)
MAX_ATTEMPTS = 5
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_WRITE_BUFFER = 1024 * 1024


class Progress(Protocol):
    """Is told how many rows there are, and how many are written."""

    def expect(self, total: int) -> None: ...

    def report(self, processed: int) -> None: ...


class StorageFailedError(Exception):
    """The storage did not take the file; the cause says why."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an export failed: for programs and for people."""

    code: str
    message: str


def export_rows(selection: Selection, *, actor: Actor, file: IO[bytes], progress: Progress) -> int:
    """Write the selected rows that the actor sees as CSV, and return how many; all are of one moment.

    Raises BadRequest for a selection that does not fit the schema (any more), and what `progress` raises.
    """
    with _one_moment():
        return write_selection(selection, actor=actor, file=file, progress=progress)


def write_selection(selection: Selection, *, actor: Actor, file: IO[bytes], progress: Progress) -> int:
    """The same in the caller's transaction, which decides what is seen."""
    columns = columns_of(selection.kind)
    rows = selected_rows(selection, actor)
    progress.expect(rows.order_by().count())
    return write_csv(rows, columns, file, report=progress.report)


@contextmanager
def _one_moment() -> Iterator[None]:
    """A transaction that sees the database as it is at its first statement, and changes nothing."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def run_export(job_id: UUID) -> None:
    """Do an export that waits, or whose worker vanished; does nothing for any other. Whatever happens, it ends.

    The task of the same job delivered twice finds nothing to do the second time.
    """
    job = _taken(job_id)
    if job is None:
        return
    with translation.override(job.language), Heartbeat(job) as heartbeat:
        try:
            _complete(job, _written_and_stored(job, heartbeat))
        except JobLeaseLostError:
            log.warning("export_lost", job=str(job.pk))
            _discard(job)
        except Exception as error:
            log.exception("export_failed", job=str(job.pk), exc_info=error)
            _fail(job, _reason_of(error))


def _taken(job_id: UUID) -> ExportJob | None:
    """The job, if it is to be done and nobody else does it: one conditional update decides."""
    now = timezone.now()
    is_free = free_jobs(pending=ExportStatus.PENDING, running=ExportStatus.RUNNING, lost_after=LOST_AFTER)
    free = ExportJob.objects.filter(is_free, pk=job_id)
    with transaction.atomic():
        if not free.update(
            status=ExportStatus.RUNNING,
            attempts=F("attempts") + 1,
            started_at=now,
            heartbeat_at=now,
            processed=0,
            total=None,
        ):
            return None
        job = ExportJob.objects.select_related("requested_by_member__user", "requested_by_application").get(pk=job_id)
        if job.attempts > 1:
            # What the last worker may have left, also where anonymization has taken its name from the row.
            discard_file(_file_name(job, job.attempts - 1))
        job.file_name = _file_name(job, job.attempts)
        job.save(update_fields=["file_name"])
    return job


def _file_name(job: ExportJob, attempt: int) -> str:
    return f"exports/{job.pk}-{attempt}.csv"


def _written_and_stored(job: ExportJob, heartbeat: Heartbeat) -> int:
    if job.attempts > MAX_ATTEMPTS:
        raise ApiError(
            _("The export was started %(times)s times, and each time its worker vanished.") % {"times": MAX_ATTEMPTS},
            sub_code="WorkerVanished",
        )
    wait_for_anonymization()
    # It has no name, so nothing of it stays when the process is killed.
    with tempfile.TemporaryFile(buffering=_WRITE_BUFFER) as file:
        actor = actor_of_job(job, scope=SCOPE)
        selection = Selection(job.kind, query=job.query, list_filter=job.list_filter)
        rows = export_rows(selection, actor=actor, file=file, progress=heartbeat)
        heartbeat.check()
        file.seek(0)
        try:
            default_storage.save(job.file_name, File(file))
        except Exception as error:
            raise StorageFailedError from error
    return rows


def _complete(job: ExportJob, rows: int) -> None:
    """Raises JobLeaseLostError when the job is no longer this worker's."""
    now = timezone.now()
    if not _finish(
        job, status=ExportStatus.COMPLETED, processed=rows, total=rows, finished_at=now, expires_at=now + KEPT_FOR
    ):
        raise JobLeaseLostError
    log.info("export_completed", job=str(job.pk), kind=job.kind, rows=rows)


def _fail(job: ExportJob, reason: Reason) -> None:
    connection.close_if_unusable_or_obsolete()
    with transaction.atomic():
        _finish(
            job,
            status=ExportStatus.FAILED,
            finished_at=timezone.now(),
            error_code=reason.code,
            error_message=reason.message,
            file_name="",
        )
        discard_file(job.file_name)


def _finish(job: ExportJob, **columns: object) -> bool:
    """Write the end to the row, if it is still this worker's. What chose the rows is of no more use, and goes."""
    mine = ExportJob.objects.filter(pk=job.pk, attempts=job.attempts, status=ExportStatus.RUNNING)
    return bool(mine.update(query="", list_filter="", **columns))


def _discard(job: ExportJob) -> None:
    with transaction.atomic():
        discard_file(job.file_name)


def _reason_of(error: Exception) -> Reason:
    """What the caller is told: enough to act on, nothing of the inside."""
    if isinstance(error, ApiError):
        return Reason(error.code if error.sub_code == "NA" else error.sub_code, str(error))
    cause = error.__cause__ if isinstance(error, StorageFailedError) else error
    if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
        return Reason("StorageFull", _("There is no room left for the file. Make room and ask for the export again."))
    if isinstance(error, StorageFailedError):
        return Reason(
            "StorageUnavailable", _("The storage could not be reached, or refused the file. Ask for the export again.")
        )
    if isinstance(error, DatabaseError):
        return Reason("DatabaseUnavailable", _("The database did not answer to the end. Ask for the export again."))
    return Reason("General", str(ApiError.default_message))
