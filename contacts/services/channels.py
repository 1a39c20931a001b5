"""Verification of new addresses: one takes effect once its owner returns the key that was sent to it.

A channel has one valid key; a new key replaces it. A key is valid for 15 minutes and five attempts; after that the
channel is locked until a new address is submitted or the cool-down ends.

Submissions count like keys: at most ten an hour. Of addresses that follow each other within a minute, the last one gets
the second key, once the minute is over.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.typed_codes import is_numeric_code, plain_code
from contacts.keys import DIGITS, is_key_of
from contacts.models import Channel, ChannelKind, Contact
from contacts.snapshots import changeable_contact
from contacts.tasks import send_key
from core.errors import TooManyRequests, UnprocessableEntity
from core.jobs import send_on_commit

MAX_ATTEMPTS = 5
COOL_DOWN = timedelta(hours=1)
RESEND_INTERVAL = timedelta(minutes=1)
KEYS_PER_HOUR = 10
HOUR = timedelta(hours=1)


def await_verification(*, contact: Contact, kind: str, path: str, value: str, is_approved: bool = False) -> Channel:
    """Make `value`, for the field at `path`, the channel's pending value and send a key to it.

    Replaces an earlier pending value. The contact must be locked. Raises TooManyRequests if the channel has had its
    keys for this hour; the key of an approved value goes out later instead.
    """
    channel = Channel.objects.filter(contact=contact, kind=kind).first() or Channel(contact=contact, kind=kind)
    channel.path = path
    channel.pending_value = value
    channel.attempts, channel.locked_until = 0, None
    now = timezone.now()
    free_at = _hour_has_room_at(channel, now)
    if not is_approved:
        _refuse_until(free_at, now)
    last = max((moment for moment in channel.keys_requested_at if moment <= now), default=None)
    _request_key(channel, at=max(free_at, now if last is None else last + RESEND_INTERVAL))
    return channel


def drop_pending(*, contact: Contact, kinds: Collection[str]) -> None:
    """Discard the pending values of channels."""
    Channel.objects.filter(contact=contact, kind__in=kinds).update(**NOTHING_PENDING)


NOTHING_PENDING = {
    "pending_value": None,
    "is_key_due": False,
    "key_hash": "",
    "key_expires_at": None,
    "attempts": 0,
    "locked_until": None,
    "refused_at": None,
}


@transaction.atomic
def resend_key(*, actor: Actor, contact_id: int, kind: ChannelKind) -> None:
    """Send a new key to the pending address; the previous key becomes invalid. Locks the contact.

    Raises NotFound; UnprocessableEntity: NothingPending, ContactAnonymized; TooManyRequests, with Retry-After, within a
    minute of the last key, after ten keys in an hour, and while too many wrong attempts lock the channel.
    """
    contact = changeable_contact(actor=actor, contact_id=contact_id)
    channel = _pending_channel(contact, kind)
    now = timezone.now()
    if channel.locked_until is not None:
        _refuse_until(channel.locked_until, now)
        channel.attempts, channel.locked_until = 0, None
    if channel.keys_requested_at:
        _refuse_until(max(channel.keys_requested_at) + RESEND_INTERVAL, now)
    _refuse_until(_hour_has_room_at(channel, now), now)
    _request_key(channel, at=now)


@transaction.atomic
def discontinue_verification(*, actor: Actor, contact_id: int, kind: ChannelKind) -> None:
    """Discard the pending address and its key. Locks the contact.

    Raises NotFound; UnprocessableEntity: NothingPending, ContactAnonymized.
    """
    contact = changeable_contact(actor=actor, contact_id=contact_id)
    channel = _pending_channel(contact, kind)
    Channel.objects.filter(pk=channel.pk).update(**NOTHING_PENDING)


def redeemed_value(*, contact: Contact, kind: ChannelKind, key: str) -> tuple[Channel, UnprocessableEntity | None]:
    """Check a key for the locked contact; return the channel and the error, or None if the key is right.

    A wrong key is counted, so the caller must commit before raising the error; what has the form of no key is not.
    Raises UnprocessableEntity `NothingPending`.
    """
    channel = _pending_channel(contact, kind)
    if channel.is_refused:
        return channel, UnprocessableEntity(
            _("No key could be delivered: this address was refused. Submit another one, or request a new key."),
            sub_code="AddressRefused",
        )
    now = timezone.now()
    is_expired = channel.key_expires_at is not None and channel.key_expires_at <= now
    if channel.attempts >= MAX_ATTEMPTS or is_expired:
        return channel, _key_expired(channel, now)
    key = plain_code(key)
    if not is_numeric_code(key, length=DIGITS):
        message = _("A key has %(digits)s digits.") % {"digits": DIGITS}
        return channel, UnprocessableEntity(message, sub_code="KeyNoMatch")
    if is_key_of(channel, key):
        return channel, None
    channel.attempts += 1
    if channel.attempts >= MAX_ATTEMPTS:
        channel.locked_until = now + COOL_DOWN
    channel.save(update_fields=["attempts", "locked_until"])
    return channel, UnprocessableEntity(_("This is not the key that was sent."), sub_code="KeyNoMatch")


def _key_expired(channel: Channel, now: datetime) -> UnprocessableEntity:
    """Return the error for a key that is no longer valid, which says when the next one can be sent."""
    seconds = _seconds_until(channel.locked_until or now, now)
    if seconds <= 0:
        return UnprocessableEntity(_("The key is no longer valid. Ask for a new one."), sub_code="KeyExpired")
    minutes = ceil(seconds / 60)
    text = ngettext(
        "The key is no longer valid: it was tried too often. A new one can be sent in %(minutes)s minute.",
        "The key is no longer valid: it was tried too often. A new one can be sent in %(minutes)s minutes.",
        minutes,
    )
    return UnprocessableEntity(
        text % {"minutes": minutes}, sub_code="KeyExpired", headers={"Retry-After": str(seconds)}
    )


def _pending_channel(contact: Contact, kind: ChannelKind) -> Channel:
    channel = Channel.objects.pending().filter(contact=contact, kind=kind).first()
    if channel is None:
        raise UnprocessableEntity(_("Nothing is pending verification on this channel."), sub_code="NothingPending")
    return channel


def _hour_has_room_at(channel: Channel, now: datetime) -> datetime:
    """Return when fewer than KEYS_PER_HOUR keys were asked for within an hour; `now` if that is so."""
    recent = sorted(moment for moment in channel.keys_requested_at if moment > now - HOUR)
    return recent[-KEYS_PER_HOUR] + HOUR if len(recent) >= KEYS_PER_HOUR else now


def _request_key(channel: Channel, *, at: datetime) -> None:
    now = timezone.now()
    channel.requested_at = max(at, now)
    recent = [moment for moment in channel.keys_requested_at if moment > now - HOUR]
    channel.keys_requested_at = [*recent, channel.requested_at]
    channel.language = get_language() or settings.LANGUAGE_CODE
    channel.is_key_due, channel.claimed_at, channel.refused_at = True, None, None
    channel.key_hash, channel.key_expires_at = "", None
    channel.save()
    wait = channel.requested_at - now
    if wait <= RESEND_INTERVAL:
        send_on_commit(send_key, channel.pk, countdown=ceil(wait.total_seconds()))


def _seconds_until(moment: datetime, now: datetime) -> int:
    return ceil((moment - now).total_seconds())


def _refuse_until(moment: datetime, now: datetime) -> None:
    seconds = _seconds_until(moment, now)
    if seconds > 0:
        raise TooManyRequests(
            ngettext(
                "A new key can be sent in %(seconds)s second.", "A new key can be sent in %(seconds)s seconds.", seconds
            )
            % {"seconds": seconds},
            headers={"Retry-After": str(seconds)},
        )
