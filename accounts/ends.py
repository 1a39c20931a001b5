"""Ending what a login has open: sessions, tokens and codes."""

from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import F

from accounts.closing import run_closing_handlers
from accounts.models import User
from accounts.tokens import end_tokens_of_users


@transaction.atomic
def end_access(user_ids: Collection[int]) -> None:
    """End all sessions and links of these users, and the codes and tokens that applications have from them."""
    User.objects.filter(pk__in=user_ids).update(session_generation=F("session_generation") + 1)
    end_tokens_of_users(user_ids)


def end_closed_logins(user_ids: Sequence[int]) -> None:
    """End what users whose logins were closed have open, and run all closing handlers.

    Call it wherever `is_active` becomes False. Nothing of it comes back when a login is opened again.
    """
    end_access(user_ids)
    run_closing_handlers(user_ids)
