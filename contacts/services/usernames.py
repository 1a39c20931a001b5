"""Usernames: unique across contacts, ignoring case; either a contact's own or its email."""

from django.conf import settings
from django.utils.translation import gettext as _

from contacts.models import Contact
from contacts.plans import username_required
from contacts.queries.contacts import is_username_taken
from core.errors import UnprocessableEntity

UNIQUE = "contact_username_unique_ignoring_case"


def username_not_unique() -> UnprocessableEntity:
    return UnprocessableEntity(_("Another contact has this username already."), sub_code="UsernameNotUnique")


def username_coupled() -> UnprocessableEntity:
    return UnprocessableEntity(
        _("The username follows the email. Change the email instead."), sub_code="UsernameCoupledWithEmail"
    )


def check_username_free(username: str, *, but_by: Contact | None = None) -> None:
    """Raise UnprocessableEntity `UsernameNotUnique` if taken. A database constraint catches concurrent writes."""
    if is_username_taken(username, but_by=but_by):
        raise username_not_unique()


def new_username(*, requested: str | None, email: str | None) -> str | None:
    """Return the username of a new contact; None only if an external identity provider manages it.

    Raises UnprocessableEntity: UsernameRequired, UsernameNotUnique, UsernameCoupledWithEmail.
    """
    if settings.USERNAME_FROM_EMAIL and requested is not None and requested != email:
        raise username_coupled()
    username = email if settings.USERNAME_FROM_EMAIL else requested
    if username:
        check_username_free(username)
        return username
    if settings.EXTERNAL_IDENTITY_PROVIDER:
        return None
    raise username_required()


def check_username_changeable(username: str | None) -> None:
    """Raise UnprocessableEntity: UsernameCoupledWithEmail, UsernameManagedExternally, UsernameRequired."""
    if settings.USERNAME_FROM_EMAIL:
        raise username_coupled()
    if settings.EXTERNAL_IDENTITY_PROVIDER:
        raise UnprocessableEntity(
            _("Usernames are kept by the external identity provider."), sub_code="UsernameManagedExternally"
        )
    if not username:
        raise username_required()
