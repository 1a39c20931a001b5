"""The background work of accounts."""

from celery import shared_task
from oauth2_provider.models import clear_expired

from accounts.idempotency import forget_old_answers


@shared_task
def clean_up() -> None:
    """Forget expired tokens and answers that are no longer replayed; beat runs it every hour."""
    clear_expired()
    forget_old_answers()
