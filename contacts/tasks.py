"""Background tasks. A task may be delivered twice; beat resends what got lost."""

from celery import shared_task
from django.utils import timezone

from contacts.services.delivery import deliver_key, overdue_keys
from contacts.services.refused import erase_refused_creations
from contacts.services.search_keys import fill_search_keys
from core.models import PendingFileDeletion
from core.stored_files import delete_file


@shared_task(autoretry_for=(Exception,), retry_backoff=10, retry_backoff_max=600, max_retries=5)
def send_key(channel_id: int) -> None:
    """Send a channel's due key; retry while the mail server or the SMS gateway is down."""
    deliver_key(channel_id)


@shared_task
def send_due_keys() -> None:
    """Resend keys whose task got lost or gave up. Beat runs this every minute."""
    for channel_id in overdue_keys():
        send_key.delay(channel_id)


@shared_task
def delete_obsolete_files() -> None:
    """Delete files that no row uses. Beat runs this every minute, which also retries failed deletions."""
    obsolete = PendingFileDeletion.objects.filter(since__lte=timezone.now()).order_by("pk")
    for name in obsolete.values_list("name", flat=True)[:1000]:
        delete_file(name)


@shared_task
def erase_refused() -> None:
    """Erase the data of contacts whose creation was refused or cancelled long ago. Beat runs this every hour."""
    erase_refused_creations()


@shared_task
def update_search_keys() -> None:
    """Write the keys that contacts are found by after a schema was published. Beat runs it every minute."""
    fill_search_keys()
