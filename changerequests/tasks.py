"""Background tasks. A task may be delivered twice; beat resends what got lost."""

from celery import shared_task

from changerequests.outcomes import deliver_outcome, overdue_outcomes
from changerequests.services.applying import apply_approved_request, unapplied_requests
from changerequests.services.notifications import delete_old_notifications


@shared_task(autoretry_for=(Exception,), retry_backoff=10, retry_backoff_max=600, max_retries=5)
def send_outcome(change_request_id: int) -> None:
    """Mail a request's outcome to its initiator; retry while the mail server is down."""
    deliver_outcome(change_request_id)


@shared_task
def send_due_outcomes() -> None:
    """Resend outcomes whose task got lost or gave up. Beat runs this every minute."""
    for change_request_id in overdue_outcomes():
        send_outcome.delay(change_request_id)


@shared_task
def apply_approved(change_request_id: int) -> None:
    """Apply an approved request about many subjects."""
    apply_approved_request(change_request_id)


@shared_task
def apply_unapplied() -> None:
    """Resend the approved requests that are not applied to all their subjects. Beat runs this every minute."""
    for change_request_id in unapplied_requests():
        apply_approved.delay(change_request_id)


@shared_task
def tidy_notifications() -> None:
    """Delete notifications that were read long ago. Beat runs this every hour."""
    delete_old_notifications()
