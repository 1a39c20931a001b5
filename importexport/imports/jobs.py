"""State changes of a sync: claimed by a worker, begun, completed."""

from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from core.jobs import UNFINISHED, JobLease
from core.stored_files import discard_file
from importexport.imports.waiting import open_waiting
from importexport.job_messages import some_failed
from importexport.models import ImportFile, ImportJob, ImportKey, ImportStatus, SupersededEntry

log = structlog.get_logger("kontor.import")

SUPERSEDED = """
    INSERT INTO importexport_supersededentry (job_id, file_index, number)
    SELECT %s, place, number FROM (
        SELECT files.place - 1 AS place, keys.number,
               row_number() OVER (PARTITION BY keys.key ORDER BY files.place DESC, keys.number DESC) AS nth
          FROM unnest(%s::int[]) WITH ORDINALITY AS files (id, place)
          JOIN importexport_importkey keys ON keys.file_id = files.id
    ) entries WHERE nth > 1
"""


def claim(job_id: UUID | str) -> JobLease[ImportJob] | None:
    """Claim a pending job or one whose worker is lost. Return None if there is nothing to do."""
    return JobLease.claim(ImportJob.objects.all(), job_id, stalls=F("stalls") + 1)


@transaction.atomic
def begin(lease: JobLease[ImportJob], *, schema_version_id: int) -> ImportJob:
    """On the first run, fix the schema version of the entire sync and determine the superseded entries.

    Locks the job's row. Raise JobLeaseLostError.
    """
    job = lease.locked()
    if job.started_at is None:
        job.started_at = timezone.now()
        job.schema_version_id = schema_version_id
        with connection.cursor() as cursor:
            cursor.execute(SUPERSEDED, [job.pk, job.file_ids])
    job.heartbeat_at = timezone.now()
    job.save(update_fields=["started_at", "schema_version", "heartbeat_at"])
    return job


@transaction.atomic
def complete(lease: JobLease[ImportJob]) -> ImportJob:
    """Mark the job as completed and ask for what waits; delete superseded entries and, unless a dry run, the files.

    Locks the job's row. Raise JobLeaseLostError.
    """
    job = lease.locked()
    open_waiting(job)
    job.status = ImportStatus.COMPLETED_WITH_ERRORS if job.failed else ImportStatus.COMPLETED
    job.finished_at = timezone.now()
    if job.failed:
        job.error_message = some_failed(job)
    job.save(update_fields=["status", "finished_at", "error_message"])
    SupersededEntry.objects.filter(job=job).delete()
    if not job.is_dry_run:
        discard_uploads(ImportFile.objects.filter(pk__in=job.file_ids))
    return job


def fail(lease: JobLease[ImportJob], *, code: str, message: str) -> None:
    """Mark the job as failed, and ask for what waits already. Does nothing if the lease is lost.

    If that cannot be asked for now, because the database is full for example, `open_forgotten` does it later.
    """
    lease.fail(error_code=code, error_message=message)
    try:
        open_of_ended(lease.job.pk)
    except DatabaseError as error:
        log.warning("import_request_postponed", reason=type(error).__name__)


@transaction.atomic
def open_of_ended(job_id: UUID) -> None:
    """Ask for what waits of a job that has ended. Locks the job's row."""
    jobs = ImportJob.objects.select_for_update(of=("self",)).exclude(status__in=UNFINISHED)
    job = jobs.filter(pk=job_id).first()
    if job is not None:
        open_waiting(job)


def open_forgotten() -> None:
    """Ask for what waits of jobs whose worker could not do so, or ended them without knowing of it."""
    ended = ImportJob.objects.exclude(status__in=UNFINISHED).filter(waiting_entries__isnull=False)
    for job_id in ended.order_by().values_list("pk", flat=True).distinct():
        open_of_ended(job_id)


def discard_uploads(files: QuerySet[ImportFile], **columns: Any) -> int:
    """Delete files from the storage on commit and keep their rows. Locks the rows. Return the number of files.

    Writes the columns along: PostgreSQL checks the foreign keys of rows that are updated twice at the commit, which
    would wait for the job of the file.
    """
    rows = list(files.filter(is_stored=True).select_for_update(of=("self",)))
    ImportKey.objects.filter(file__in=[row.pk for row in rows]).delete()
    for row in rows:
        discard_file(row.name)
    ImportFile.objects.filter(pk__in=[row.pk for row in rows]).update(is_stored=False, **columns)
    return len(rows)
