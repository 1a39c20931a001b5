"""Celery tasks of exports. Each tolerates duplicate delivery; beat resends lost ones."""

from uuid import UUID

from celery import shared_task

from core.jobs import send_again
from importexport.exports import running
from importexport.exports.expiry import delete_expired_files
from importexport.models import ExportJob


@shared_task
def run_export(job_id: str) -> None:
    """Run an export. Does nothing if it is finished or running."""
    running.run_export(UUID(job_id))


@shared_task
def resume_exports() -> None:
    """Resend exports whose task or worker is lost. Beat runs it every minute."""
    send_again(run_export, ExportJob.objects.all())


@shared_task
def expire_exports() -> None:
    """Delete expired files of exports. Beat runs it every minute."""
    delete_expired_files()
