"""The background work of exports. Every task can be delivered twice, and beat sends again what got lost."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from importexport.exports import running
from importexport.exports.expiry import delete_expired_files
from importexport.models import ExportJob, ExportStatus

UNSENT_AFTER = timedelta(minutes=1)


@shared_task
def run_export(job_id: str) -> None:
    """Do an export; does nothing when it is done or under way."""
    running.run_export(UUID(job_id))


@shared_task
def resume_exports() -> None:
    """Send again the exports whose message got lost or whose worker vanished; beat runs it every minute."""
    now = timezone.now()
    is_waiting = Q(status=ExportStatus.PENDING, created_at__lt=now - UNSENT_AFTER)
    is_lost = Q(status=ExportStatus.RUNNING, heartbeat_at__lt=now - running.LOST_AFTER)
    for job_id in ExportJob.objects.filter(is_waiting | is_lost).values_list("pk", flat=True):
        run_export.delay(str(job_id))


@shared_task
def expire_exports() -> None:
    """Delete the files of exports that are old enough; beat runs it every minute."""
    delete_expired_files()
