"""The life of a sync's row: taken by a worker, begun, done or failed.

`attempts` fences a job: a worker that was given up for lost finds another number there and writes nothing any more.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import ngettext

from contacts.services.stored_files import discard_file
from core.jobs import JobLeaseLostError, free_jobs, left_jobs
from importexport.models import ImportFile, ImportJob, ImportKey, ImportStatus, SupersededEntry

# How often a worker may take a job and get no further: what kills every worker must not be tried for ever.
MAX_STALLS = 5

SUPERSEDED = """
    INSERT INTO importexport_supersededentry (job_id, file_index, number)
    SELECT %s, place, number FROM (
        SELECT files.place - 1 AS place, keys.number,
               row_number() OVER (PARTITION BY keys.key ORDER BY files.place DESC, keys.number DESC) AS nth
          FROM unnest(%s::int[]) WITH ORDINALITY AS files (id, place)
          JOIN importexport_importkey keys ON keys.file_id = files.id
    ) entries WHERE nth > 1
"""


def _lost_after() -> timedelta:
    return timedelta(seconds=settings.IMPORT_LOST_AFTER_SECONDS)


def claim(job_id: UUID | str) -> int | None:
    """Take a job that waits or whose worker vanished: the number of the attempt, None when there is nothing to do.

    One conditional update, so that of two deliveries one gets it.
    """
    now = timezone.now()
    is_free = free_jobs(pending=ImportStatus.PENDING, running=ImportStatus.RUNNING, lost_after=_lost_after())
    free = ImportJob.objects.filter(is_free, pk=job_id)
    taken = free.update(
        status=ImportStatus.RUNNING, heartbeat_at=now, attempts=F("attempts") + 1, stalls=F("stalls") + 1
    )
    return ImportJob.objects.values_list("attempts", flat=True).get(pk=job_id) if taken else None


def locked_job(job_id: UUID, attempt: int) -> ImportJob:
    """The job with its row locked, for the worker that took it. Raises JobLeaseLostError when it is not its own."""
    own = ImportJob.objects.select_for_update().filter(pk=job_id, attempts=attempt, status=ImportStatus.RUNNING)
    job = own.first()
    if job is None:
        raise JobLeaseLostError
    return job


@transaction.atomic
def begin(job_id: UUID, attempt: int, *, schema_version_id: int) -> ImportJob:
    """Settle, the first time, what the whole sync goes by: the version of the schema, and which entries count.

    Raises JobLeaseLostError.
    """
    job = locked_job(job_id, attempt)
    if job.started_at is None:
        job.started_at = timezone.now()
        job.schema_version_id = schema_version_id
        with connection.cursor() as cursor:
            cursor.execute(SUPERSEDED, [job.pk, job.file_ids])
    job.heartbeat_at = timezone.now()
    job.save(update_fields=["started_at", "schema_version", "heartbeat_at"])
    return job


@transaction.atomic
def complete(job_id: UUID, attempt: int) -> ImportJob:
    """Everything is done: say so, and let go of what was kept for it. Raises JobLeaseLostError."""
    job = locked_job(job_id, attempt)
    job.status = ImportStatus.COMPLETED_WITH_ERRORS if job.failed else ImportStatus.COMPLETED
    job.finished_at = timezone.now()
    if job.failed:
        message = ngettext(
            "%(failed)s of %(total)s entry failed. Version %(version)s of the schema applied.",
            "%(failed)s of %(total)s entries failed. Version %(version)s of the schema applied.",
            job.total or 0,
        )
        job.error_message = message % {
            "failed": job.failed,
            "total": job.total,
            "version": job.schema_version.number if job.schema_version else "?",
        }
    job.save(update_fields=["status", "finished_at", "error_message"])
    SupersededEntry.objects.filter(job=job).delete()
    if not job.is_dry_run:
        discard_uploads(ImportFile.objects.filter(pk__in=job.file_ids))
    return job


def fail(job_id: UUID | str, attempt: int, *, code: str, message: str) -> None:
    """The sync cannot go on. What is done stays done, and syncing the files again goes on from there."""
    own = ImportJob.objects.filter(pk=job_id, attempts=attempt, status=ImportStatus.RUNNING)
    own.update(status=ImportStatus.FAILED, error_code=code, error_message=message, finished_at=timezone.now())


def jobs_to_send_again() -> QuerySet[ImportJob]:
    """Jobs whose task got lost, and jobs whose worker vanished."""
    left = left_jobs(pending=ImportStatus.PENDING, running=ImportStatus.RUNNING, lost_after=_lost_after())
    return ImportJob.objects.filter(left).order_by("created_at")


def discard_uploads(files: QuerySet[ImportFile]) -> int:
    """Delete files from the storage once the transaction is committed; their rows stay. Returns how many."""
    rows = list(files.filter(is_stored=True).select_for_update(of=("self",)))
    ImportKey.objects.filter(file__in=[row.pk for row in rows]).delete()
    for row in rows:
        discard_file(row.name)
    ImportFile.objects.filter(pk__in=[row.pk for row in rows]).update(is_stored=False)
    return len(rows)
