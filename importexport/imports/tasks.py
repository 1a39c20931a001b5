"""Celery tasks of imports. Each tolerates duplicate delivery; beat resends lost ones."""

from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from core.jobs import send_again
from importexport.imports.jobs import discard_uploads, open_forgotten
from importexport.imports.running import run_job
from importexport.models import ImportFailure, ImportFile, ImportJob

UPLOADS_KEPT = timedelta(days=30)
FAILURES_KEPT = timedelta(days=90)


@shared_task
def run_import(job_id: str) -> None:
    """Run a sync."""
    run_job(job_id)


@shared_task
def resume_imports() -> None:
    """Resend syncs whose task or worker is lost. Beat runs it every 30 seconds."""
    send_again(run_import, ImportJob.objects.all())


@shared_task
@transaction.atomic
def tidy_imports() -> None:
    """Delete files 30 days after their upload and failures 90 days after the end of their job. Beat runs it hourly.

    Opens the requests that syncs have ended without opening.
    """
    now = timezone.now()
    open_forgotten()
    discard_uploads(ImportFile.objects.filter(uploaded_at__lt=now - UPLOADS_KEPT))
    ImportFailure.objects.filter(job__finished_at__lt=now - FAILURES_KEPT).delete()
