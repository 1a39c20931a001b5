"""Background tasks. A task may be delivered twice; beat resends what got lost."""

from celery import shared_task
from django.utils import timezone

from changerequests.daily_digests import deliver_digest, due_digests
from changerequests.deadline_mails import deliver_deadline_mails, due_deadline_mails
from changerequests.outcomes import deliver_outcome, overdue_outcomes
from changerequests.services.applying import apply_approved_request, unapplied_requests
from changerequests.services.deadlines import delete_old_mails, escalate, remind
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
    """Delete notifications that were read, and mails that were sent, long ago. Beat runs this every hour."""
    delete_old_notifications()
    delete_old_mails()


@shared_task
def watch_deadlines() -> None:
    """Have members reminded of what is due soon, escalate what is overdue, and mail it. Beat runs this every minute.

    What a mail server that is down has not taken is sent by a later run.
    """
    remind()
    escalate()
    for member_id in due_deadline_mails():
        send_deadline_mails.delay(member_id)


@shared_task
def send_deadline_mails(member_id: int) -> None:
    """Mail a member what is due to it."""
    deliver_deadline_mails(member_id)


@shared_task(autoretry_for=(Exception,), retry_backoff=10, retry_backoff_max=600, max_retries=5)
def send_digest(member_id: int) -> None:
    """Mail a member its daily digest; retry while the mail server is down."""
    deliver_digest(member_id)


@shared_task
def send_due_digests() -> None:
    """Send the digests that are due, and again those whose task got lost or gave up. Beat runs this every minute."""
    for member_id in due_digests(now=timezone.now()):
        send_digest.delay(member_id)
