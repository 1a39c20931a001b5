"""Sends the keys that are due. A key is generated here and exists only in the message."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.throttling import counter
from contacts.keys import LIFETIME, address_hash, key_hash, new_key
from contacts.models import CONTACT_SCHEMA, Channel, ChannelKind
from contacts.sms import send_sms
from core.mails import mailable, send_text
from core.outbox import Outbox
from schemas.phones import e164, region_or_default
from schemas.queries import current_schema

OUTBOX = Outbox(due="is_key_due", claimed_at="claimed_at", due_since="requested_at", refused_at="refused_at")


def deliver_key(channel_id: int) -> None:
    """Generate a key for the channel's pending address, store its hash and send it; do nothing if none is due.

    A conditional update claims the row, so that only one of two deliveries sends. If sending fails, releases the claim
    and re-raises: the next attempt generates another key. An address that has had its keys, of whatever contacts, gets
    this one later.
    """
    channel = Channel.objects.pending().filter(pk=channel_id, is_key_due=True, requested_at__lte=timezone.now()).first()
    if channel is None:
        return
    # The address may have changed since: then the key would go to the old one, and is not due.
    same = Channel.objects.filter(pending_value=channel.pending_value)
    if seconds := _seconds_to_wait(channel):
        same.filter(pk=channel.pk).update(requested_at=timezone.now() + timedelta(seconds=seconds))
        return
    key = new_key()
    expires = timezone.now() + LIFETIME
    is_sent = False
    try:
        with OUTBOX.claim(same, channel.pk, key_hash=key_hash(channel, key), key_expires_at=expires) as claimed:
            if claimed is not None:
                _send(channel, key)
                is_sent = True
    finally:
        if settings.KEY_RATE and not is_sent:
            counter.give_back(_counted_as(channel), settings.KEY_RATE)


def overdue_keys() -> Iterable[int]:
    """The channels whose key should have gone out by now, the oldest first."""
    return OUTBOX.overdue(Channel.objects.pending()).values_list("pk", flat=True)


def _seconds_to_wait(channel: Channel) -> int:
    """Count a key for the address; return 0, or how long the address gets no other one."""
    return counter.seconds_to_wait(_counted_as(channel), settings.KEY_RATE) if settings.KEY_RATE else 0


def _counted_as(channel: Channel) -> str:
    return f"key:{address_hash(channel.kind, _receiver(channel))}"


def _send(channel: Channel, key: str) -> None:
    context = {"key": key, "minutes": int(LIFETIME.total_seconds() // 60)}
    with translation.override(channel.language):
        if channel.kind == ChannelKind.EMAIL:
            text = render_to_string("contacts/verification_email.txt", context)
            send_text(_("Your verification key"), text, to=_receiver(channel))
        else:
            text = render_to_string("contacts/verification_sms.txt", context)
            send_sms(to=_receiver(channel), text=text.strip())


def _receiver(channel: Channel) -> str:
    """Return the pending address in the form to which keys are sent: of a mobile number, E.164."""
    address = channel.pending_value or ""
    if channel.kind == ChannelKind.EMAIL:
        return mailable(address)
    field = current_schema(CONTACT_SCHEMA).field_at(channel.path)
    return e164(address, region_or_default(field.region if field else None)) or address
