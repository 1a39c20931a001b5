"""Secrets that have to be read again are stored encrypted: AES-GCM, bound to their owner.

The keys come from `AUTHENTICATOR_KEYS`, or else from the secret key and its fallbacks. The first one encrypts; all of
them decrypt, so that keys can be rotated. What is stored fits where the library keeps a key in clear.
"""

import base64
import os
from binascii import Error as NotHex
from binascii import unhexlify
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_MARK = "1:"
_NONCE_BYTES = 12


class UnreadableSecretError(Exception):
    """None of the keys decrypts the secret."""


def sealed(secret: bytes, *, owner: int) -> str:
    """Return the secret encrypted with the first key. Only for this owner it can be opened again."""
    nonce = os.urandom(_NONCE_BYTES)
    return _MARK + base64.urlsafe_b64encode(nonce + _ciphers()[0].encrypt(nonce, secret, _bound_to(owner))).decode()


def opened(stored: str, *, owner: int) -> bytes:
    """Return the secret. Raises UnreadableSecretError."""
    return _opened(stored, owner)[0]


def is_sealed_with_first_key(stored: str, *, owner: int) -> bool:
    """Return whether the secret is stored as it would be today. Raises UnreadableSecretError."""
    return stored.startswith(_MARK) and _opened(stored, owner)[1] == 0


def _opened(stored: str, owner: int) -> tuple[bytes, int]:
    """Return the secret and the position of its key."""
    if not stored.startswith(_MARK):
        # From before secrets were encrypted: the library's hexadecimal key.
        try:
            return unhexlify(stored), 0
        except NotHex as error:
            raise UnreadableSecretError from error
    content = base64.urlsafe_b64decode(stored.removeprefix(_MARK))
    for position, cipher in enumerate(_ciphers()):
        try:
            return cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], _bound_to(owner)), position
        except InvalidTag:
            continue
    raise UnreadableSecretError


def _bound_to(owner: int) -> bytes:
    return f"authenticator of user {owner}".encode()


def _ciphers() -> tuple[AESGCM, ...]:
    return _derived(tuple(settings.AUTHENTICATOR_KEYS) or (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _derived(secrets: tuple[str, ...]) -> tuple[AESGCM, ...]:
    def key(secret: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"kontor.authenticators").derive(secret.encode())

    return tuple(AESGCM(key(secret)) for secret in secrets)
