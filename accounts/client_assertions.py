"""Applications that authenticate themselves by a signature instead of a secret (private_key_jwt, RFC 7523)."""

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from jwcrypto.common import JWException, base64url_decode
from jwcrypto.jwk import JWK, JWKSet
from jwcrypto.jwt import JWT

from accounts.models import ClientApplication, UsedAssertion
from accounts.registration import ALGORITHMS
from core.text import is_storable

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# An assertion is made for one request.
MAX_SECONDS = 600
LEEWAY_SECONDS = 60
MAX_LENGTH = 8_192
MAX_ID = 255


def subject_of(assertion: str) -> str:
    """Return whom an assertion names, unverified; empty if it cannot be read."""
    if len(assertion) > MAX_LENGTH:
        return ""
    try:
        claims = json.loads(base64url_decode(assertion.split(".")[1]))
    except (IndexError, ValueError, RecursionError):
        return ""
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return subject if isinstance(subject, str) else ""


def is_proof_of(application: ClientApplication, assertion: str, *, audiences: Collection[str]) -> bool:
    """Return whether an assertion authenticates an application now. It counts once."""
    claims = _verified(application, assertion)
    if claims is None or not _is_about(application, claims, audiences):
        return False
    expires, identity = claims.get("exp"), claims.get("jti")
    now = timezone.now().timestamp()
    if (
        not isinstance(expires, int | float)
        or not now < expires + LEEWAY_SECONDS <= now + MAX_SECONDS + 2 * LEEWAY_SECONDS
    ):
        return False
    if not all(_is_past(claims.get(name, 0), now) for name in ("nbf", "iat")):
        return False
    if not isinstance(identity, str) or not 0 < len(identity) <= MAX_ID or not is_storable(identity):
        return False
    return _is_first_use(application, identity, expires)


def _is_about(application: ClientApplication, claims: Mapping[str, Any], audiences: Collection[str]) -> bool:
    named = claims.get("aud")
    audience = named if isinstance(named, list) else [named]
    return claims.get("iss") == claims.get("sub") == application.client_id and any(one in audience for one in audiences)


def delete_expired_assertions() -> None:
    UsedAssertion.objects.filter(expires_at__lt=timezone.now()).delete()


def _verified(application: ClientApplication, assertion: str) -> dict[str, Any] | None:
    """Return the claims if one of the application's keys signed them."""
    keys = JWKSet()
    for key in application.public_keys:
        keys.add(JWK(**key["jwk"]))
    if not application.public_keys or len(assertion) > MAX_LENGTH:
        return None
    try:
        # The claims are checked by the caller, who knows what each of them has to be.
        token = JWT(algs=list(ALGORITHMS.values()), check_claims={})
        token.deserialize(assertion, keys)
        claims = json.loads(token.claims)
    except (JWException, ValueError, TypeError, KeyError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _is_past(value: Any, now: float) -> bool:
    return isinstance(value, int | float) and value <= now + LEEWAY_SECONDS


def _is_first_use(application: ClientApplication, identity: str, expires: float) -> bool:
    known_until = datetime.fromtimestamp(expires + LEEWAY_SECONDS, tz=UTC)
    hashed = sha256(identity.encode()).hexdigest()
    try:
        with transaction.atomic():
            UsedAssertion.objects.create(application=application, id_hash=hashed, expires_at=known_until)
    except IntegrityError:
        return False
    return True
