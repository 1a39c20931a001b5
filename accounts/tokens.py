"""The end of tokens: of users, of a family, or of an application."""

import re
from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken


def end_tokens_of_users(user_ids: Collection[int]) -> None:
    """Delete the tokens and codes that these users gave to applications. No process knows them from then on."""
    for issued in (Grant, RefreshToken, AccessToken, IDToken):
        issued.objects.filter(user__in=user_ids).delete()


@transaction.atomic
def end_family(token_family: UUID) -> None:
    """End the refresh tokens of a family, and their access tokens."""
    AccessToken.objects.filter(refresh_token__token_family=token_family).delete()
    RefreshToken.objects.filter(token_family=token_family, revoked=None).update(revoked=timezone.now())


@transaction.atomic
def end_tokens_of_application(application_id: int, *, scopes: Collection[str] | None = None) -> None:
    """End the tokens and codes of an application, or those that hold one of the scopes.

    A refresh token without its access token may hold any of them.
    """
    holds = Q() if scopes is None else Q(scope__regex=rf"(^| )({'|'.join(map(re.escape, scopes))})( |$)")
    ended = AccessToken.objects.filter(holds, application=application_id)
    renewable = RefreshToken.objects.filter(application=application_id, revoked=None)
    if scopes is not None:
        renewable = renewable.filter(Q(access_token=None) | Q(access_token__in=ended))
    renewable.update(revoked=timezone.now())
    ended.delete()
    Grant.objects.filter(holds, application=application_id).delete()


def end_access_tokens_of(application_id: int) -> None:
    """End the access tokens of an application: who knew a secret that no longer counts may have them.

    The refresh tokens of people stay: they take a secret or key that counts.
    """
    AccessToken.objects.filter(application=application_id).delete()
