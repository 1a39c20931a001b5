"""Hashes that are keyed with the secret key, and found again after it was replaced."""

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac


def keyed_hash(salt: str, value: str) -> str:
    """Return the hash of a value under today's secret key."""
    return salted_hmac(salt, value, algorithm="sha256").hexdigest()


def former_hashes(salt: str, value: str) -> list[str]:
    """Return the hashes under the keys of SECRET_KEY_FALLBACKS."""
    keys: list[str] = settings.SECRET_KEY_FALLBACKS
    return [salted_hmac(salt, value, secret=key, algorithm="sha256").hexdigest() for key in keys]


def is_hash_of(stored: str, salt: str, value: str) -> bool:
    """Return whether a stored hash is that of a value, under today's key or a former one."""
    return any(constant_time_compare(stored, found) for found in [keyed_hash(salt, value), *former_hashes(salt, value)])
