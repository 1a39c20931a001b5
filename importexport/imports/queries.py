"""Queries for syncs and their failures."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.errors import NotFound
from importexport.imports.reading import place
from importexport.job_messages import message_of
from importexport.job_ownership import requested_by
from importexport.models import ImportFailure, ImportJob

# Limit of the API; the CSV files of the admin and the commands have all failures.
MAX_SHOWN = 1_000
FAILURES_AT_ONCE = 2_000


def own_job(*, actor: Actor, status_id: UUID) -> ImportJob:
    """Return the actor's own sync. Raise NotFound if it does not exist or somebody else requested it."""
    job = requested_by(ImportJob.objects.all(), actor).filter(pk=status_id).first()
    if job is None:
        raise NotFound(_("You have started no sync with this id."))
    return job


def failures_of(job: ImportJob) -> QuerySet[ImportFailure]:
    """Return the faults of a sync's entries in the order of the files, with `file` selected."""
    return job.failures.filter(is_notice=False).select_related("file").order_by("pk")


def notices_of(job: ImportJob) -> QuerySet[ImportFailure]:
    """Return what was said of entries that were imported, like `failures_of`."""
    return job.failures.filter(is_notice=True).select_related("file").order_by("pk")


def each_failure(job: ImportJob) -> Iterator[ImportFailure]:
    """Yield what `failures_of` returns, without holding all of it in memory or a transaction open. One query a part."""
    after = 0
    while found := list(failures_of(job).filter(pk__gt=after)[:FAILURES_AT_ONCE]):
        yield from found
        after = found[-1].pk


def failure_as_json(failure: ImportFailure) -> dict[str, Any]:
    """Return a fault as the API reports it; the message begins with the place in the file."""
    where = place(failure.position, is_lines=failure.file.is_lines)
    return {
        "externalId": failure.external_id,
        "file": failure.file.name,
        "path": failure.path,
        "message": _("%(place)s: %(fault)s") % {"place": where[:1].upper() + where[1:], "fault": failure.message},
    }


def status_of(job: ImportJob) -> dict[str, Any]:
    """Return the status of a sync as the API reports it, with at most MAX_SHOWN failures."""
    failures = list(failures_of(job)[:MAX_SHOWN]) if job.failed else []
    return {
        "status": job.status,
        "errorMessage": message_of(job) or None,
        "failedExternalIds": list(dict.fromkeys(f.external_id for f in failures if f.external_id is not None)),
        "progress": {
            "total": job.total,
            "processed": job.processed,
            "created": job.created,
            "updated": job.updated,
            "unchanged": job.unchanged,
            "failed": job.failed,
            "awaitingApproval": job.awaiting_approval,
        },
        "failures": [failure_as_json(failure) for failure in failures],
    }


def duplicates_of(job: ImportJob) -> dict[str, Any]:
    """Return the reported duplicates of a sync, at most MAX_SHOWN; none unless they were asked for."""
    return {"duplicates": [failure_as_json(notice) for notice in notices_of(job)[:MAX_SHOWN]]}
