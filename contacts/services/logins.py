"""A contact's login. It is created on first use, so that an import of a million contacts creates none."""

from django.db import transaction

from accounts.actor import Actor
from accounts.models import User
from contacts.snapshots import changeable_contact


@transaction.atomic
def open_login(*, actor: Actor, contact_id: int) -> User:
    """Return the user that a contact logs in with; create it if needed. Locks the contact.

    The user is named after the contact's uid, because the contact's username, with which people log in, may change.
    Raises NotFound; UnprocessableEntity `ContactAnonymized`.
    """
    contact = changeable_contact(actor=actor, contact_id=contact_id)
    if contact.user is None:
        user = User(username=str(contact.uid))
        user.set_unusable_password()
        user.save()
        contact.user = user
        contact.save(update_fields=["user"])
    return contact.user
