"""Choosing syncs and their failures."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.errors import NotFound
from importexport.imports.reading import place
from importexport.job_ownership import requested_by
from importexport.models import ImportFailure, ImportJob

# An answer holds no more; all of them are in the admin and in the commands' CSV file.
MAX_SHOWN = 1_000


def own_job(*, actor: Actor, status_id: str) -> ImportJob:
    """The sync that this very actor asked for. Raises NotFound, also for somebody else's."""
    try:
        job = requested_by(ImportJob.objects.all(), actor).filter(pk=UUID(status_id)).first()
    except ValueError:
        job = None
    if job is None:
        raise NotFound(_("You have started no sync with this id."))
    return job


def failures_of(job: ImportJob) -> QuerySet[ImportFailure]:
    """The faults of a sync's entries in the order of the files, with the files."""
    return job.failures.select_related("file").order_by("pk")


def failure_as_json(failure: ImportFailure) -> dict[str, Any]:
    """A fault as the API and the CSV file tell it: the message says where in the file."""
    where = place(failure.position, is_lines=failure.file.is_lines)
    return {
        "externalId": failure.external_id,
        "file": failure.file.name,
        "path": failure.path,
        "message": _("%(place)s: %(fault)s") % {"place": where[:1].upper() + where[1:], "fault": failure.message},
    }


def status_of(job: ImportJob) -> dict[str, Any]:
    """The answer about a sync, in two statements."""
    failures = list(failures_of(job)[:MAX_SHOWN]) if job.failed else []
    return {
        "status": job.status,
        "errorMessage": job.error_message or None,
        "failedExternalIds": list(dict.fromkeys(f.external_id for f in failures if f.external_id is not None)),
        "progress": {
            "total": job.total,
            "processed": job.processed,
            "created": job.created,
            "updated": job.updated,
            "unchanged": job.unchanged,
            "failed": job.failed,
        },
        "failures": [failure_as_json(failure) for failure in failures],
    }
