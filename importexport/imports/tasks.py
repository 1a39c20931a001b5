"""The background work of imports. Every task can be delivered twice, and beat sends again what got lost."""

from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from core.jobs import send_again
from importexport.imports.jobs import discard_uploads
from importexport.imports.running import run_job
from importexport.models import ImportFailure, ImportFile, ImportJob

UPLOADS_KEPT = timedelta(days=30)
FAILURES_KEPT = timedelta(days=90)


@shared_task
def run_import(job_id: str) -> None:
    """Run a sync to its end."""
    run_job(job_id)


@shared_task
def resume_imports() -> None:
    """Send again the syncs whose task got lost or whose worker vanished; beat runs it every half minute."""
    send_again(run_import, ImportJob.objects.all())


@shared_task
@transaction.atomic
def tidy_imports() -> None:
    """Delete files that nobody synced within a month, and faults that are three months old; beat runs it every hour."""
    now = timezone.now()
    discard_uploads(ImportFile.objects.filter(uploaded_at__lt=now - UPLOADS_KEPT))
    ImportFailure.objects.filter(job__finished_at__lt=now - FAILURES_KEPT).delete()
