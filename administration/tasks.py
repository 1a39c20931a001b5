"""Background tasks. A task may be delivered twice; beat resends what got lost."""

from celery import shared_task

from administration.notices import deliver_notice, overdue_notices


@shared_task(autoretry_for=(Exception,), retry_backoff=10, retry_backoff_max=600, max_retries=5)
def send_notice(notice_id: int) -> None:
    """Mail a notice; retry while the mail server is down."""
    deliver_notice(notice_id)


@shared_task
def send_due_notices() -> None:
    """Resend notices whose task got lost or gave up. Beat runs this every minute."""
    for notice_id in overdue_notices():
        send_notice.delay(notice_id)
