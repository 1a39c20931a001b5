"""Sends the keys that are due. A key is generated here and exists only in the message."""

from collections.abc import Iterable

from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from contacts.keys import LIFETIME, key_hash, new_key
from contacts.models import Channel, ChannelKind
from contacts.sms import send_sms
from core.outbox import Outbox

OUTBOX = Outbox(due="is_key_due", claimed_at="claimed_at", due_since="requested_at")


def deliver_key(channel_id: int) -> None:
    """Generate a key for the channel's pending address, store its hash and send it; do nothing if none is due.

    A conditional update claims the row, so that only one of two deliveries sends. If sending fails, releases the claim
    and re-raises: the next attempt generates another key.
    """
    channel = Channel.objects.pending().filter(pk=channel_id).first()
    if channel is None:
        return
    key = new_key()
    # The address may have changed since: then the key would go to the old one, and is not due.
    same = Channel.objects.filter(pending_value=channel.pending_value)
    expires = timezone.now() + LIFETIME
    with OUTBOX.claim(same, channel.pk, key_hash=key_hash(channel, key), key_expires_at=expires) as claimed:
        if claimed is not None:
            _send(channel, key)


def overdue_keys() -> Iterable[int]:
    """The channels whose key should have gone out by now, the oldest first."""
    return OUTBOX.overdue(Channel.objects.pending()).values_list("pk", flat=True)


def _send(channel: Channel, key: str) -> None:
    address = channel.pending_value or ""
    context = {"key": key, "minutes": int(LIFETIME.total_seconds() // 60)}
    with translation.override(channel.language):
        if channel.kind == ChannelKind.EMAIL:
            text = render_to_string("contacts/verification_email.txt", context)
            send_mail(_("Your verification key"), text, None, [address])
        else:
            send_sms(to=address, text=render_to_string("contacts/verification_sms.txt", context).strip())
