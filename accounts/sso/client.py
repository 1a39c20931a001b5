"""Our client at an identity provider: authorization code with PKCE, state and nonce, by Authlib.

Authlib leaves to its callers, and so to this module, which issuer, audience and algorithms are accepted, time limits,
and how long keys are kept.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from authlib.integrations.django_client import DjangoOAuth2App, OAuth, OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.http import HttpRequest, HttpResponse
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from requests import RequestException

from accounts.sso.providers import Provider

# Those that need the provider's private key: neither `none`, nor ones with our client secret as key.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
ANSWER_SECONDS = 10
# For how long a key that the provider has withdrawn may still be accepted.
KEYS_KEPT_SECONDS = 600
LEEWAY_SECONDS = 60


class SignInRefusedError(Exception):
    """The provider refused, or what it said cannot be trusted."""


class SignInExpiredError(Exception):
    """The browser comes back with a state that this session does not know, or no longer."""


class ProviderUnreachableError(Exception):
    """The provider does not answer, or not in its protocol."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a provider has authenticated, and how."""

    provider: Provider
    subject: str
    id_token: str
    session: str = ""
    acr: str = ""
    amr: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def has_factor(self) -> bool:
        """Whether the provider says that the person has given what counts as a second factor."""
        return self.acr in self.provider.acr_values or not set(self.amr).isdisjoint(self.provider.amr_values)


def redirect_to_provider(request: HttpRequest, provider: Provider, callback: str) -> HttpResponse:
    """Return the redirect to the provider's login. The session remembers state, nonce and verifier."""
    asked = {"acr_values": " ".join(provider.acr_values)} if provider.acr_values else {}
    with mapped_errors():
        response: HttpResponse = client_of(provider).authorize_redirect(request, callback, **asked)
    return response


def identity_of(request: HttpRequest, provider: Provider) -> Identity:
    """Return whom the provider has authenticated, by the code in the request. Raises the errors of this module."""
    with mapped_errors():
        client = client_of(provider)
        _check_sender(request, provider, client.server_metadata)
        token = client.authorize_access_token(
            request, claims_options=_expected(provider), claims_cls=CodeIDToken, leeway=LEEWAY_SECONDS
        )
        claims = token.get("userinfo")
        if not claims:
            raise SignInRefusedError("no id token")
        claims = _with_groups(client, provider, token, claims)
    return Identity(
        provider=provider,
        subject=str(claims["sub"]),
        id_token=token["id_token"],
        session=str(claims.get("sid") or ""),
        acr=str(claims.get("acr") or ""),
        amr=_texts(claims.get("amr")),
        groups=_texts(claims.get(provider.groups_claim)),
    )


def end_session_address(provider: Provider, *, id_token: str, onward: str) -> str | None:
    """Return where the browser logs out of the provider too; None if the provider has no such page."""
    with mapped_errors():
        client = client_of(provider)
        if not client.server_metadata.get("end_session_endpoint"):
            return None
        found = client.create_logout_url(
            post_logout_redirect_uri=onward, id_token_hint=id_token, client_id=provider.client_id
        )
    address: str = found["url"]
    return address


def client_of(provider: Provider) -> DjangoOAuth2App:
    """Return the client, which reads the provider's metadata and keys at most every `KEYS_KEPT_SECONDS`."""
    return _client(provider, int(time.time() // KEYS_KEPT_SECONDS))


@lru_cache(maxsize=8)
def _client(provider: Provider, _period: int) -> DjangoOAuth2App:
    client: DjangoOAuth2App = OAuth().register(
        provider.name,
        client_id=provider.client_id,
        client_kwargs={
            "scope": " ".join(provider.scopes),
            "code_challenge_method": "S256",
            "default_timeout": ANSWER_SECONDS,
        },
        server_metadata_url=f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration",
    )
    if provider.private_key:
        client.client_secret, algorithm = _signing_key(provider.private_key)
        client.client_kwargs["token_endpoint_auth_method"] = PrivateKeyJWT.name
        client.client_auth_methods = [PrivateKeyJWT(alg=algorithm)]
    else:
        client.client_secret = provider.client_secret
    metadata = client.load_server_metadata()
    if metadata.get("issuer") != provider.issuer:
        raise ProviderUnreachableError("the metadata are of another issuer")
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in ALGORITHMS]
    return client


def _signing_key(pem: str) -> tuple[RSAKey | ECKey, str]:
    """Return our private key and the algorithm that we sign with."""
    if isinstance(load_pem_private_key(pem.encode(), password=None), EllipticCurvePrivateKey):
        return ECKey.import_key(pem), "ES256"
    return RSAKey.import_key(pem), "RS256"


def _expected(provider: Provider) -> dict[str, Any]:
    return {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
    }


def _check_sender(request: HttpRequest, provider: Provider, metadata: Mapping[str, Any]) -> None:
    """Raise SignInRefusedError if the response comes from another provider (RFC 9207)."""
    sender = request.GET.get("iss")
    if sender != provider.issuer and (sender or metadata.get("authorization_response_iss_parameter_supported")):
        raise SignInRefusedError("the response is another provider's")


def _with_groups(
    client: DjangoOAuth2App, provider: Provider, token: Mapping[str, Any], claims: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the claims with the groups, which some providers tell only at their userinfo endpoint."""
    if provider.groups_claim in claims or not client.server_metadata.get("userinfo_endpoint"):
        return claims
    said = client.userinfo(token=token)
    if said.get("sub") != claims["sub"]:
        raise SignInRefusedError("userinfo is about somebody else")
    return {**claims, provider.groups_claim: said.get(provider.groups_claim)}


def _texts(value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    return tuple(one for one in values if isinstance(one, str)) if isinstance(values, list) else ()


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Raise the errors of this module for those of the libraries."""
    try:
        yield
    except OAuthError as error:
        if error.error == "mismatching_state":
            raise SignInExpiredError from error
        raise SignInRefusedError(error.error) from error
    except JoseError as error:
        raise SignInRefusedError(error.error) from error
    except (RequestException, RuntimeError, KeyError, ValueError) as error:
        raise ProviderUnreachableError(type(error).__name__) from error
