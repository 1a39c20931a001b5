"""The short numeric keys that verify an address, and their hashes."""

import secrets
from datetime import timedelta

from django.utils.crypto import salted_hmac

from contacts.models import Channel

DIGITS = 6
LIFETIME = timedelta(minutes=15)


def new_key() -> str:
    """Return six random digits."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def address_hash(kind: str, address: str) -> str:
    """Return a keyed hash of an address in the form to which keys are sent, the same for every contact that has it."""
    value = f"{kind}:{address.casefold()}"
    return salted_hmac("contacts.address", value, algorithm="sha256").hexdigest()


def key_hash(channel: Channel, key: str) -> str:
    """Return the hash to store: an HMAC with the installation's secret, because six digits are easy to brute-force."""
    value = f"{channel.contact_id}:{channel.kind}:{key}"
    return salted_hmac("contacts.channel", value, algorithm="sha256").hexdigest()
