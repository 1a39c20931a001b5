"""Queries for exports."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.errors import NotFound
from importexport.job_ownership import requested_by
from importexport.models import ExportJob, ExportStatus

NOT_APPROVED = (ExportStatus.REJECTED, ExportStatus.CANCELLED)


def own_export(*, actor: Actor, kind: str, job_id: UUID) -> ExportJob:
    """Return the actor's own export of this kind. Raise NotFound, also if its file has expired."""
    job = requested_by(ExportJob.objects.all(), actor).filter(pk=job_id, kind=kind).first()
    if job is None or is_expired(job):
        raise NotFound(_("There is no such export of yours, or its file has expired."))
    return job


def is_expired(job: ExportJob) -> bool:
    """Return whether the export's file has expired, even if it is not deleted yet."""
    if job.status != ExportStatus.COMPLETED:
        return False
    return not job.file_name or job.expires_at is None or job.expires_at <= timezone.now()


def why_not_approved(job: ExportJob) -> str:
    """Return why an export was never started, with the reviewer's comment."""
    request: Any = job.approval.change_request
    if job.status == ExportStatus.CANCELLED:
        return _("Change request %(id)s for this export was cancelled.") % {"id": request.pk}
    rejected = _("Change request %(id)s for this export was rejected.") % {"id": request.pk}
    return f"{rejected} {request.review_comment or ''}".strip()
