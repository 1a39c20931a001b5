"""The keys of seals: Ed25519, in files outside of the database, on the hosts that seal."""

from base64 import b64decode, b64encode
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def signing_keys() -> dict[str, Ed25519PrivateKey]:
    """Return the keys of SEAL_KEY_FILES by their public halves, in their order. Raises ImproperlyConfigured."""
    keys = {}
    for name in settings.SEAL_KEY_FILES:
        try:
            key = load_pem_private_key(Path(name).read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as problem:
            raise ImproperlyConfigured(f"{name} of SEAL_KEY_FILES has no private key: {problem}") from problem
        if not isinstance(key, Ed25519PrivateKey):
            raise ImproperlyConfigured(f"{name} of SEAL_KEY_FILES has a key of another kind than Ed25519.")
        keys[public_half(key)] = key
    return keys


def public_half(key: Ed25519PrivateKey) -> str:
    return b64encode(key.public_key().public_bytes_raw()).decode()


def read_public_key(pem: bytes) -> str:
    """Return a public key in the form in which seals name it. Raises ValueError if it is no Ed25519 key."""
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return b64encode(key.public_bytes_raw()).decode()


def is_signed(body: str, signature: bytes, key: str) -> bool:
    """Return whether the key, as seals name it, has signed the body."""
    try:
        Ed25519PublicKey.from_public_bytes(b64decode(key)).verify(signature, body.encode())
    except (InvalidSignature, ValueError):
        return False
    return True
