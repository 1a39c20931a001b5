"""Tasks of webhooks."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from core.jobs import send_on_commit
from events.models import Delivery
from events.services.delivering import deliver_due as deliver
from events.services.numbering import number_events
from events.services.webhooks import seal_again

# How many log entries one statement deletes.
BATCH = 10_000
# How long a worker waits for something more to send: longer than until beat's next task, so that while things happen
# they need not wait for it.
LINGER_SECONDS = 2


@shared_task(is_quiet=True)
def deliver_due() -> None:
    """Number what has happened, and deliver it to every webhook that has something due. Beat sends this every second.

    Several at a time share the webhooks among them.
    """
    # Also for those who read the feed.
    number_events(is_in_background=True)
    if deliver(linger=LINGER_SECONDS):
        send_on_commit(deliver_due)


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
