"""The login behind a contact: made when it is first needed, so that an import of a million contacts makes none."""

from django.db import transaction

from accounts.actor import Actor
from accounts.models import User
from contacts.snapshots import changeable_contact


@transaction.atomic
def open_login(*, actor: Actor, contact_id: int) -> User:
    """The user that a contact logs in with. Locks the contact. Raises NotFound.

    The user's own name is the contact's uid: people log in with the contact's username, which may change.
    """
    contact = changeable_contact(actor=actor, contact_id=contact_id)
    if contact.user is None:
        user = User(username=str(contact.uid))
        user.set_unusable_password()
        user.save()
        contact.user = user
        contact.save(update_fields=["user"])
    return contact.user
