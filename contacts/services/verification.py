"""A verified address is applied through the steps of design section 5."""

from django.db import transaction

from accounts.actor import Actor
from contacts.details import Change, value_at, with_values
from contacts.models import CONTACT_SCHEMA, Channel, ChannelKind, Contact
from contacts.queries import changeable_contact
from contacts.services.changes import check_username_follows, check_valid, write_details
from contacts.services.channels import NOTHING_PENDING, redeemed_value
from schemas.queries import current_schema


def verify_channel(*, actor: Actor, contact_id: int, kind: ChannelKind, key: str) -> None:
    """Give back the key that was sent to a pending address; the right one makes the address take effect.

    Locks the contact. The change set names the actor. Raises NotFound; UnprocessableEntity: NothingPending,
    KeyNoMatch, KeyExpired, ValidationFailed, UsernameNotUnique. The address stays pending after any of them.
    """
    with transaction.atomic():
        contact = changeable_contact(actor=actor, contact_id=contact_id)
        channel, refusal = redeemed_value(contact=contact, kind=kind, key=key)
        if refusal is None:
            _apply(actor=actor, contact=contact, channel=channel)
    if refusal is not None:
        raise refusal


def _apply(*, actor: Actor, contact: Contact, channel: Channel) -> None:
    schema = current_schema(CONTACT_SCHEMA)
    change = Change(channel.path, value_at(contact.details, channel.path), channel.pending_value)
    Channel.objects.filter(pk=channel.pk).update(**NOTHING_PENDING)
    if change.original == change.target:
        return
    document = with_values(contact.details, {change.path: change.target})
    check_valid(schema=schema, target=document, stored=contact.details)
    check_username_follows(contact=contact, schema=schema, changes=[change])
    write_details(actor=actor, contact=contact, schema=schema, changes=[change], document=document)
