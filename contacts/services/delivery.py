"""Sends the keys that are due. A key is generated here and exists only in the message."""

from datetime import timedelta

from django.core.mail import send_mail
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from contacts.keys import LIFETIME, key_hash, new_key
from contacts.models import Channel, ChannelKind
from contacts.sms import send_sms

CLAIM_SECONDS = 120


def deliver_key(channel_id: int) -> None:
    """Generate a key for the channel's pending address, store its hash and send it; do nothing if none is due.

    A conditional update claims the row, so that only one of two deliveries sends. If sending fails, releases the claim
    and re-raises: the next attempt generates another key.
    """
    channel = Channel.objects.pending().filter(pk=channel_id).first()
    if channel is None:
        return
    key = new_key()
    kept = key_hash(channel, key)
    now = timezone.now()
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - timedelta(seconds=CLAIM_SECONDS))
    due = Channel.objects.filter(free, pk=channel.pk, is_key_due=True, pending_value=channel.pending_value)
    if not due.update(claimed_at=now, key_hash=kept, key_expires_at=now + LIFETIME):
        return
    mine = Channel.objects.filter(pk=channel.pk, key_hash=kept)
    try:
        _send(channel, key)
    except Exception:
        mine.update(claimed_at=None)
        raise
    mine.update(is_key_due=False, claimed_at=None)


def _send(channel: Channel, key: str) -> None:
    address = channel.pending_value or ""
    context = {"key": key, "minutes": int(LIFETIME.total_seconds() // 60)}
    with translation.override(channel.language):
        if channel.kind == ChannelKind.EMAIL:
            text = render_to_string("contacts/verification_email.txt", context)
            send_mail(_("Your verification key"), text, None, [address])
        else:
            send_sms(to=address, text=render_to_string("contacts/verification_sms.txt", context).strip())
