"""The background work of exports. Every task can be delivered twice, and beat sends again what got lost."""

from uuid import UUID

from celery import shared_task

from core.jobs import send_again
from importexport.exports import running
from importexport.exports.expiry import delete_expired_files
from importexport.models import ExportJob


@shared_task
def run_export(job_id: str) -> None:
    """Do an export; does nothing when it is done or under way."""
    running.run_export(UUID(job_id))


@shared_task
def resume_exports() -> None:
    """Send again the exports whose message got lost or whose worker vanished; beat runs it every minute."""
    send_again(run_export, ExportJob.objects.all())


@shared_task
def expire_exports() -> None:
    """Delete the files of exports that are old enough; beat runs it every minute."""
    delete_expired_files()
