"""Client applications and tokens."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import AccessToken, set_token_value
from oauthlib.common import generate_token

from accounts.actor import Actor
from accounts.models import ClientApplication, Participant, User
from accounts.scopes import ALL_SCOPES
from core.errors import UnprocessableEntity


@dataclass(frozen=True)
class NewClient:
    """A new application and its secret, which is stored only as a hash."""

    application: ClientApplication
    client_secret: str


def checked_scopes(scopes: Iterable[str]) -> list[str]:
    """Return the scopes without duplicates. Raises UnprocessableEntity `UnknownScope`, naming the unknown ones."""
    asked = list(dict.fromkeys(scopes))
    unknown = [scope for scope in asked if scope not in ALL_SCOPES]
    if unknown:
        raise UnprocessableEntity(
            _("There is no scope %(scopes)s. There are: %(all)s.")
            % {"scopes": ", ".join(unknown), "all": ", ".join(ALL_SCOPES)},
            sub_code="UnknownScope",
        )
    return asked


@transaction.atomic
def create_client_application(
    *, actor: Actor, name: str, scopes: Iterable[str], participants: Iterable[Participant] = ()
) -> NewClient:
    """Create an application that acts for itself (client credentials).

    Raises UnprocessableEntity: UnknownScope, ClientNameNotUnique.
    """
    if ClientApplication.objects.filter(name=name).exists():
        raise UnprocessableEntity(
            _("There is a client application named %(name)s already.") % {"name": name}, sub_code="ClientNameNotUnique"
        )
    secret = generate_client_secret()
    application = ClientApplication.objects.create(
        name=name,
        client_type=ClientApplication.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ClientApplication.GRANT_CLIENT_CREDENTIALS,
        client_secret=secret,
        allowed_scopes=" ".join(checked_scopes(scopes)),
    )
    application.participants.set(participants)
    return NewClient(application, secret)


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
