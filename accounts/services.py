"""Tokens."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from oauth2_provider.models import AccessToken, set_token_value
from oauthlib.common import generate_token

from accounts.actor import Actor
from accounts.models import User
from accounts.scopes import checked_scopes


def issue_token(*, actor: Actor, user: User, scopes: Iterable[str]) -> str:
    """Issue a bearer token for a member or a contact, for trials and tests. It has the usual lifetime.

    Raises UnprocessableEntity `UnknownScope`.
    """
    lifetime = timedelta(seconds=settings.OAUTH2_PROVIDER["ACCESS_TOKEN_EXPIRE_SECONDS"])
    issued = AccessToken(user=user, expires=timezone.now() + lifetime, scope=" ".join(checked_scopes(scopes)))
    token = generate_token()
    set_token_value(issued, token)
    issued.save()
    return token
