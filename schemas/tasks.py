"""The background work of schemas. Every task can be delivered twice, and beat sends again what got lost."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from core.jobs import send_again
from schemas import checking
from schemas.models import SchemaDraft

KEPT_FOR = timedelta(days=90)


@shared_task
def check_draft(draft_id: str) -> None:
    """Check what is stored against a draft; does nothing when that is done or under way."""
    checking.run_check(UUID(draft_id))


@shared_task
def resume_checks() -> None:
    """Send again the checks whose message got lost or whose worker vanished; beat runs it every minute."""
    send_again(check_draft, SchemaDraft.objects.all())


@shared_task
def forget_old_drafts() -> None:
    """Delete the drafts that are old; what was published of them stands in the versions. Beat runs it every hour."""
    SchemaDraft.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
