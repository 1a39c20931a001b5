"""The short numeric keys that verify an address, and what is kept of them."""

import secrets
from datetime import timedelta

from django.utils.crypto import salted_hmac

from contacts.models import Channel

DIGITS = 6
LIFETIME = timedelta(minutes=15)


def new_key() -> str:
    """Six digits that nobody can foresee."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def key_hash(channel: Channel, key: str) -> str:
    """What is kept of a key. Keyed with the secret of the installation: six digits alone could be tried out."""
    value = f"{channel.contact_id}:{channel.kind}:{key}"
    return salted_hmac("contacts.channel", value, algorithm="sha256").hexdigest()
