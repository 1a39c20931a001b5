"""A contact's login. It is created on first use, so that an import of a million contacts creates none."""

import structlog
from django.db import transaction

from accounts.actor import Actor, system_actor
from accounts.models import User
from accounts.usernames import named_as_typed
from contacts.models import ChannelKind, Contact
from contacts.models.login_names import USER_NAME_TAKEN
from contacts.queries.logins import login_address
from contacts.services.channels import drop_pending
from contacts.services.usernames import username_not_unique
from contacts.snapshots import changeable_contact
from core.errors import UnprocessableEntity, map_integrity_error

log = structlog.get_logger("kontor.logins")


@transaction.atomic
def open_login(*, actor: Actor, contact_id: int) -> User:
    """Return the user that a contact logs in with; create it if needed. Locks the contact.

    The user is named after the contact's uid, because the contact's username, with which people log in, may change.
    Contacts get no username of this form (`contacts/services/usernames.py`); one from before may be in the way.
    Raises NotFound; UnprocessableEntity: ContactAnonymized, UsernameNotUnique.
    """
    contact = changeable_contact(actor=actor, contact_id=contact_id)
    if contact.user is None:
        user = User(username=f"contact-{contact.uid}")
        user.set_unusable_password()
        with map_integrity_error(USER_NAME_TAKEN, username_not_unique()):
            user.save()
        contact.user = user
        contact.save(update_fields=["user"])
    return contact.user


class ContactLogins:
    """What `accounts.addresses` asks about the logins of contacts."""

    def address_of(self, user: User) -> str | None:
        contact = Contact.objects.filter(user=user).first()
        return None if contact is None else login_address(contact)

    def open_for(self, typed: str) -> User | None:
        """Open the login of a contact with this username; none if its address is not one to rely on.

        Addresses that wait for their keys are given up: a member may have entered them alone.
        """
        contact = named_as_typed(Contact.objects.filter(user=None, merged_into=None), typed).first()
        if contact is None or not login_address(contact):
            return None
        try:
            with transaction.atomic():
                user = open_login(actor=system_actor("forgotten password"), contact_id=contact.pk)
                drop_pending(contact=contact, kinds=ChannelKind.values)
        except UnprocessableEntity as refusal:
            # Who asks learns nothing of it, as with a name that nobody has.
            log.warning("login_not_opened", contact_id=contact.pk, reason=refusal.sub_code)
            return None
        return user
