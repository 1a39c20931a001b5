"""Logout tokens, with which a provider says that somebody has logged out there (OpenID Connect Back-Channel Logout)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.integrations.django_client import DjangoOAuth2App
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry, Token

from accounts.sso.client import LEEWAY_SECONDS, SignInRefusedError, client_of, mapped_errors
from accounts.sso.providers import Provider

EVENT = "http://schemas.openid.net/event/backchannel-logout"
GOOD_FOR_SECONDS = 300
TYPES = ("logout+jwt", "JWT", "jwt", None)


class LogoutRefusedError(Exception):
    """The token is not a logout token of this provider for us, or was used already."""


@dataclass(frozen=True, slots=True)
class ProviderLogout:
    """That a person has logged out at a provider, named by `subject` or, if that is empty, by a `session` there."""

    issuer: str
    jti: str
    subject: str = ""
    session: str = ""


def logout_of(provider: Provider, token: str) -> ProviderLogout:
    """Return what a logout token says. Raises LogoutRefusedError; ProviderUnreachableError."""
    try:
        with mapped_errors():
            verified = _verified(client_of(provider), token)
            JWTClaimsRegistry(
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": provider.issuer},
                aud={"essential": True, "value": provider.client_id},
                iat={"essential": True},
                jti={"essential": True},
            ).validate(verified.claims)
    except SignInRefusedError as error:
        raise LogoutRefusedError(str(error)) from error
    _check_meaning(verified)
    claims = verified.claims
    subject, session = (_text(claims, name) for name in ("sub", "sid"))
    if not (subject or session):
        raise LogoutRefusedError("neither sub nor sid")
    return ProviderLogout(provider.issuer, _text(claims, "jti"), subject, session)


def _verified(client: DjangoOAuth2App, token: str) -> Token:
    """Return the token if the provider has signed it; read the provider's keys again for one that is not known."""
    algorithms = client.server_metadata["id_token_signing_alg_values_supported"]
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    try:
        return jwt.decode(token, KeySet.import_key_set(client.fetch_jwk_set()), registry=registry)
    except InvalidKeyIdError:
        return jwt.decode(token, KeySet.import_key_set(client.fetch_jwk_set(force=True)), registry=registry)


def _check_meaning(token: Token) -> None:
    """Raise LogoutRefusedError for an ID token or any other kind of token, or an old one."""
    claims = token.claims
    events = claims.get("events")
    if token.header.get("typ") not in TYPES or "nonce" in claims:
        raise LogoutRefusedError("not a logout token")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise LogoutRefusedError("not the event of a logout")
    if claims["iat"] < time.time() - GOOD_FOR_SECONDS:
        raise LogoutRefusedError("too old")


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""
