"""Background tasks of accounts."""

from celery import shared_task
from oauth2_provider.models import clear_expired

from accounts.client_assertions import delete_expired_assertions
from accounts.codes import delete_old_codes
from accounts.idempotency import delete_expired_records
from accounts.lockout import forget_old_attempts
from accounts.second_factor import seal_again
from accounts.sso.services import forget_provider_sessions


@shared_task
def clean_up() -> None:
    """Delete expired tokens, codes, assertions and sessions at providers, stored responses and login attempts.

    Encrypts keys of authenticators with the first key, in case that is another one by now. Beat runs this every hour.
    """
    clear_expired()
    delete_old_codes()
    delete_expired_assertions()
    delete_expired_records()
    forget_old_attempts()
    forget_provider_sessions()
    seal_again()
