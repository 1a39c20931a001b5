"""Celery tasks of schemas. All are idempotent; a beat task sends lost ones again."""

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
    """Check the stored documents against a draft. Does nothing if the check is running or finished."""
    checking.run_check(UUID(draft_id))


@shared_task
def resume_checks() -> None:
    """Resend checks whose message or worker was lost. Beat runs it every minute."""
    send_again(check_draft, SchemaDraft.objects.all())


@shared_task
def forget_old_drafts() -> None:
    """Delete drafts older than KEPT_FOR; published definitions remain as versions. Beat runs it every hour."""
    SchemaDraft.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
