"""Usernames: unique across contacts and staff, ignoring case; either a contact's own or its email.

Those that are reserved for contacts which wait for approval count too.
"""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.utils.translation import gettext as _

from contacts.models import MAX_USERNAME, Contact
from contacts.models.login_names import INTERNAL
from contacts.models.triggers import USERNAME_RESERVED, USERNAME_TAKEN
from contacts.plans import username_required
from contacts.queries.contacts import username_is_reserved
from core.errors import UnprocessableEntity, map_integrity_error
from core.text import checked_line


def username_not_unique(*, is_reserved: bool = False) -> UnprocessableEntity:
    text = (
        _("A new contact pending approval has this username.") if is_reserved else _("This username is taken already.")
    )
    return UnprocessableEntity(text, sub_code="UsernameNotUnique")


@contextmanager
def unique_username() -> Iterator[None]:
    """Raise UnprocessableEntity `UsernameNotUnique` if the block writes a username that is taken or reserved."""
    with (
        map_integrity_error(USERNAME_TAKEN, username_not_unique()),
        map_integrity_error(USERNAME_RESERVED, username_not_unique(is_reserved=True)),
    ):
        yield


def username_coupled() -> UnprocessableEntity:
    return UnprocessableEntity(
        _("The username follows the email. Change the email instead."), sub_code="UsernameCoupledWithEmail"
    )


def is_of_logins(username: str) -> bool:
    """Return whether a username has the form of the names that logins of contacts get: it could be in the way of one.

    It is compared as the database compares names.
    """
    return re.fullmatch(INTERNAL, unicodedata.normalize("NFKC", username).lower()) is not None


def username_in_form(username: str | None) -> str | None:
    """Return a username in its one form, None for an empty one. Raises UnprocessableEntity `ValidationFailed`."""
    return checked_line(username or "", path="username", most=MAX_USERNAME) or None


def check_username_free(username: str, *, but_by: Contact | None = None) -> None:
    """Raise UnprocessableEntity `UsernameNotUnique` if taken, reserved, or of the form of the names of logins.

    The database catches concurrent writes.
    """
    if is_of_logins(username):
        raise username_not_unique()
    is_reserved = username_is_reserved(username, but_by=but_by)
    if is_reserved is not None:
        raise username_not_unique(is_reserved=is_reserved)


def new_username(contact: Contact, *, requested: str | None, email: str | None, email_path: str | None) -> str | None:
    """Return the username of a new contact; None only if an external identity provider manages it.

    `email` is at `email_path` of the details.
    Raises UnprocessableEntity: UsernameRequired, UsernameNotUnique, UsernameCoupledWithEmail, ValidationFailed.
    """
    if settings.USERNAME_FROM_EMAIL and requested is not None and requested != email:
        raise username_coupled()
    username = email if settings.USERNAME_FROM_EMAIL else username_in_form(requested)
    if username:
        check_username_free(username, but_by=contact)
        return username
    if settings.EXTERNAL_IDENTITY_PROVIDER:
        return None
    raise username_required(email_path if settings.USERNAME_FROM_EMAIL else None)


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
