"""Tasks of webhooks."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from core.jobs import send_on_commit
from events.models import Delivery
from events.services.delivering import RUN_SECONDS, deliver, due_webhooks
from events.services.numbering import number_events
from events.services.webhooks import seal_again

# How many log entries one statement deletes.
BATCH = 10_000


@shared_task(is_quiet=True)
def deliver_due() -> None:
    """Have every webhook delivered to that has something due. Beat sends this every second."""
    # Also for those who read the feed.
    number_events(is_in_background=True)
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
    """Delete log entries of deliveries that are over; return how many.

    Encrypts secrets with the first key, in case that is another one by now. Beat runs this every hour.
    """
    kept_since = timezone.now() - timedelta(days=settings.WEBHOOK_LOG_DAYS)
    is_over = ~Q(status=Delivery.Status.PENDING) | Q(webhook__is_removed=True)
    over = Delivery.objects.filter(is_over, created_at__lt=kept_since).order_by("pk").values("pk")
    total = 0
    while deleted := Delivery.objects.filter(pk__in=over[:BATCH]).delete()[0]:
        total += deleted
    seal_again()
    return total
