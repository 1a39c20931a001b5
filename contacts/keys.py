"""The short numeric keys that verify an address, and their hashes."""

import secrets
from datetime import timedelta

from contacts.models import Channel
from core.keyed_hashes import is_hash_of, keyed_hash

DIGITS = 6
LIFETIME = timedelta(minutes=15)
_SALT = "contacts.channel"


def new_key() -> str:
    """Return six random digits."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def address_hash(kind: str, address: str) -> str:
    """Return a keyed hash of an address in the form to which keys are sent, the same for every contact that has it."""
    value = f"{kind}:{address.casefold()}"
    return keyed_hash("contacts.address", value)


def key_hash(channel: Channel, key: str) -> str:
    """Return the hash to store: an HMAC with the installation's secret, because six digits are easy to brute-force."""
    return keyed_hash(_SALT, _value(channel, key))


def is_key_of(channel: Channel, key: str) -> bool:
    """Return whether it is the key that was sent last, also if that was before the secret key was replaced."""
    return bool(channel.key_hash) and is_hash_of(channel.key_hash, _SALT, _value(channel, key))


def _value(channel: Channel, key: str) -> str:
    return f"{channel.contact_id}:{channel.kind}:{key}"
