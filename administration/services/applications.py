"""Creation of client applications."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _
from oauth2_provider.generators import generate_client_secret

from accounts.actor import Actor
from accounts.models import ClientApplication, Participant
from accounts.scopes import checked_scopes
from core.errors import UnprocessableEntity


@dataclass(frozen=True)
class NewClient:
    """A new application and its secret, which is stored as a hash and cannot be read again."""

    application: ClientApplication
    client_secret: str


@transaction.atomic
def create_client_application(
    *, actor: Actor, name: str, scopes: Iterable[str], participants: Iterable[Participant] = ()
) -> NewClient:
    """Register an application that acts for itself (client credentials).

    Raise UnprocessableEntity: UnknownScope, ClientNameNotUnique.
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
