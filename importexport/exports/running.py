"""Runs an export: a worker claims the job, writes the file and stores it.

The job's row is authoritative: it records which attempt may write to it (`attempts`), whether the worker is alive
(`heartbeat_at`), and the name of the stored file, even before it is stored.
"""

from __future__ import annotations

import errno
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Protocol
from uuid import UUID

import structlog
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone, translation

from accounts.actor import Actor
from audit.access.exports import record_export
from audit.access.models import Door
from core.errors import ApiError
from core.heartbeat import Heartbeat
from core.jobs import JobLease, JobLeaseLostError
from core.replica import on_replica, reading_alias
from core.stored_files import discard_file
from importexport.exports.anonymization_lock import wait_for_anonymization
from importexport.exports.selection import Selection, selected_columns, selected_rows
from importexport.exports.writing import write_csv
from importexport.job_messages import (
    export_database_failed,
    export_failed,
    export_gave_up,
    export_needs_room,
    export_storage_failed,
)
from importexport.job_ownership import actor_of_job
from importexport.models import ExportJob, ExportKind, ExportStatus
from importexport.permissions import MAY_EXPORT

log = structlog.get_logger("kontor.exports")

SCOPE = "exports"
KEPT_FOR = timedelta(hours=24)
# The selection may name a person and is not needed after the job has ended.
NO_SELECTION = {"query": "", "list_filter": ""}
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_WRITE_BUFFER = 1024 * 1024


class Progress(Protocol):
    """Receives the total number of rows and the number written so far."""

    def expect(self, total: int) -> None: ...

    def report(self, processed: int) -> None: ...


class StorageFailedError(Exception):
    """The storage rejected the file or failed; see the cause."""


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason of a failure: a code for programs and a message for people."""

    code: str
    message: str


def export_rows(selection: Selection, *, actor: Actor, file: IO[bytes], progress: Progress) -> array[int]:
    """Write the selected rows that the actor sees as CSV, from one snapshot, and return their ids.

    Raise BadRequest if the selection does not (or no longer) fit the schema, and pass on errors of `progress`.
    """
    with _one_moment():
        return write_selection(selection, actor=actor, file=file, progress=progress)


def write_selection(selection: Selection, *, actor: Actor, file: IO[bytes], progress: Progress) -> array[int]:
    """The same as `export_rows`, in the caller's transaction and with its snapshot."""
    columns = selected_columns(selection)
    rows = selected_rows(selection, actor)
    progress.expect(rows.order_by().count())
    return write_csv(rows, columns, file, report=progress.report)


@contextmanager
def _one_moment() -> Iterator[None]:
    """Open a read-only transaction with one snapshot (REPEATABLE READ), where is read from."""
    alias = reading_alias()
    with transaction.atomic(using=alias, durable=True):
        with connections[alias].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def run_export(job_id: UUID) -> None:
    """Run an export that is pending or whose worker has died; do nothing for others. Failures end the job.

    Idempotent, because a task may be delivered twice.
    """
    lease = _claim(job_id)
    if lease is None:
        return
    with translation.override(lease.job.language), Heartbeat(lease) as heartbeat:
        try:
            _complete(lease, *_written_and_stored(lease, heartbeat))
        except JobLeaseLostError:
            log.warning("export_lost", job=str(job_id))
            _discard(lease.job)
        except Exception as error:
            log.exception("export_failed", job=str(job_id), exc_info=error)
            _fail(lease, _reason_of(error))


@transaction.atomic
def _claim(job_id: UUID) -> JobLease[ExportJob] | None:
    jobs = ExportJob.objects.select_related("requested_by_member__user", "requested_by_application")
    lease = JobLease.claim(jobs, job_id, started_at=timezone.now(), processed=0, total=None)
    if lease is None:
        return None
    job = lease.job
    if job.attempts > 1:
        # The last worker may have left a file, even if anonymization has cleared its name in the row.
        discard_file(_file_name(job, job.attempts - 1))
    job.file_name = _file_name(job, job.attempts)
    job.save(update_fields=["file_name"])
    return lease


def _file_name(job: ExportJob, attempt: int) -> str:
    return f"exports/{job.pk}-{attempt}.csv"


def _written_and_stored(lease: JobLease[ExportJob], heartbeat: Heartbeat) -> tuple[Actor, array[int]]:
    """Return for whom which rows were written."""
    job = lease.job
    if lease.is_exhausted:
        raise ApiError(export_gave_up(), sub_code="WorkerVanished")
    wait_for_anonymization()
    # Unnamed, so that nothing remains if the process is killed.
    with tempfile.TemporaryFile(buffering=_WRITE_BUFFER) as file:
        actor = actor_of_job(job, scope=SCOPE, permission=MAY_EXPORT)
        selection = Selection(job.kind, job.query, job.list_filter, job.columns)
        rows = _written_from_start(selection, actor=actor, file=file, progress=heartbeat)
        heartbeat.check()
        file.seek(0)
        try:
            default_storage.save(job.file_name, File(file))
        except Exception as error:
            raise StorageFailedError from error
    return actor, rows


@on_replica
def _written_from_start(selection: Selection, *, actor: Actor, file: IO[bytes], progress: Progress) -> array[int]:
    """The same as `export_rows`, into the file that another try has begun."""
    file.seek(0)
    file.truncate()
    return export_rows(selection, actor=actor, file=file, progress=progress)


@transaction.atomic
def _complete(lease: JobLease[ExportJob], actor: Actor, ids: array[int]) -> None:
    """Mark the job as completed, and record whom the file shows. Raise JobLeaseLostError if another worker has it."""
    if lease.job.kind == ExportKind.CONTACTS:
        # Before the job's row is locked, which its heartbeat writes too.
        record_export(actor=actor, contact_ids=ids, door=Door.EXPORT)
    now, rows = timezone.now(), len(ids)
    lease.write(
        status=ExportStatus.COMPLETED,
        processed=rows,
        total=rows,
        finished_at=now,
        expires_at=now + KEPT_FOR,
        **NO_SELECTION,
    )
    log.info("export_completed", job=str(lease.job.pk), kind=lease.job.kind, rows=rows)


def _fail(lease: JobLease[ExportJob], reason: Reason) -> None:
    connection.close_if_unusable_or_obsolete()
    with transaction.atomic():
        lease.fail(error_code=reason.code, error_message=reason.message, file_name="", **NO_SELECTION)
        discard_file(lease.job.file_name)


def _discard(job: ExportJob) -> None:
    with transaction.atomic():
        discard_file(job.file_name)


def _reason_of(error: Exception) -> Reason:
    """Return the reason for the caller: enough to act on, without internal details."""
    if isinstance(error, ApiError):
        return Reason(error.code if error.sub_code == "NA" else error.sub_code, str(error))
    cause = error.__cause__ if isinstance(error, StorageFailedError) else error
    if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
        return Reason("StorageFull", export_needs_room())
    if isinstance(error, StorageFailedError):
        return Reason("StorageUnavailable", export_storage_failed())
    if isinstance(error, DatabaseError):
        return Reason("DatabaseUnavailable", export_database_failed())
    return Reason("General", export_failed())
