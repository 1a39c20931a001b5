"""Ending what a login has open: sessions, tokens and codes."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import F
from oauth2_provider.models import AccessToken, Grant, RefreshToken

from accounts.models import User


@transaction.atomic
def end_access(user_ids: Collection[int]) -> None:
    """End all sessions of these users, and the codes and tokens that applications have from them."""
    User.objects.filter(pk__in=user_ids).update(session_generation=F("session_generation") + 1)
    for model in (Grant, RefreshToken, AccessToken):
        model.objects.filter(user__in=user_ids).delete()
