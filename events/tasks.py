"""Tasks of webhooks."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from core.jobs import send_on_commit
from events.models import Delivery
from events.services.delivering import RUN_SECONDS, deliver, due_webhooks

# How many log entries one statement deletes.
BATCH = 10_000


@shared_task(is_quiet=True)
def deliver_due() -> None:
    """Have every webhook delivered to that has something due. Beat sends this every second."""
    for webhook_id in due_webhooks():
        send_on_commit(deliver_webhook, webhook_id)


# A receiver that answers byte by byte holds a worker no longer than this.
@shared_task(soft_time_limit=2 * RUN_SECONDS)
def deliver_webhook(webhook_id: int) -> None:
    """Deliver to one webhook. Delivered twice, the second finds it claimed."""
    if deliver(webhook_id):
        send_on_commit(deliver_webhook, webhook_id)


@shared_task
def tidy_deliveries() -> int:
    """Delete log entries of deliveries that are over; return how many."""
    kept_since = timezone.now() - timedelta(days=settings.WEBHOOK_LOG_DAYS)
    over = Delivery.objects.exclude(status=Delivery.Status.PENDING).filter(created_at__lt=kept_since)
    deleted, _by_model = Delivery.objects.filter(pk__in=over.order_by("pk").values("pk")[:BATCH]).delete()
    return deleted
