"""Ending the tokens of logins."""

from collections.abc import Collection

from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken


def end_tokens(user_ids: Collection[int]) -> None:
    """Delete the tokens and codes that these users gave to applications. No process knows them from then on."""
    for issued in (Grant, RefreshToken, AccessToken, IDToken):
        issued.objects.filter(user__in=user_ids).delete()
