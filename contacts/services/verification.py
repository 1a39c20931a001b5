"""Verification of an address, which then takes effect through the plan and commit of every change of details."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from contacts.models import Channel, ChannelKind
from contacts.plans import Origin, plan, values_set
from contacts.services.changes import commit
from contacts.services.channels import NOTHING_PENDING, redeemed_value
from contacts.snapshots import locked_contact_snapshot
from core.documents import Change, value_at
from core.errors import Forbidden


def verify_channel(*, actor: Actor, contact_id: int, kind: ChannelKind, key: str) -> None:
    """Redeem the key that was sent to a pending address; the right one makes the address take effect.

    Locks the contact. The history names the actor. Raises NotFound; Forbidden `KeyOfClient` for members if the client
    has a login; UnprocessableEntity: NothingPending, KeyNoMatch, KeyExpired, ValidationFailed, UsernameNotUnique,
    ContactAnonymized. The address stays pending after any of them.
    """
    with transaction.atomic():
        snapshot = locked_contact_snapshot(actor=actor, subject_id=contact_id)
        if actor.is_member and snapshot.row.user_id is not None:
            raise Forbidden(_("This client has a login, and enters the key itself."), sub_code="KeyOfClient")
        channel, refusal = redeemed_value(contact=snapshot.row, kind=kind, key=key)
        if refusal is None:
            address = Change(channel.path, value_at(snapshot.document, channel.path), channel.pending_value)
            Channel.objects.filter(pk=channel.pk).update(**NOTHING_PENDING)
            commit(plan(snapshot, values_set([address]), actor, Origin.VERIFICATION))
    if refusal is not None:
        raise refusal
