"""What an application may be registered with: redirect addresses, origins and public keys. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.utils.translation import gettext as _
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK

from core.text import is_storable

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MAX_ADDRESS = 2_000
MIN_RSA_BITS = 2_048
# The algorithm that goes with each type of key.
ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
_PUBLIC = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
_PORTS = {"https": 443, "http": 80}


def redirect_fault(address: Any) -> str | None:
    """Return what is wrong with a redirect address; None if it may be registered."""
    parts = _parts(address)
    if parts is None:
        return _("%(address)s is not an address with https, or with http on this computer (127.0.0.1, localhost).") % {
            "address": address
        }
    if "#" in address or "@" in parts.netloc or "*" in address:
        return _("%(address)s may have no fragment, user or wildcard: it has to be exact.") % {"address": address}
    return None


def origin_fault(origin: Any) -> str | None:
    """Return what is wrong with an origin; None if it is written as browsers send it."""
    parts = _parts(origin)
    is_exact = (
        parts is not None
        and origin == f"{parts.scheme}://{parts.netloc}".lower()
        and parts.port != _PORTS[parts.scheme]
        and not {"@", "*"} & set(origin)
    )
    if is_exact:
        return None
    text = _("%(origin)s is not an origin as browsers send it, such as %(example)s.")
    return text % {"origin": origin, "example": "https://portal.example.com"}


def _parts(address: Any) -> SplitResult | None:
    """Return the parts of an address with https, or http on a loopback address, which nobody else reads."""
    if not isinstance(address, str) or len(address) > MAX_ADDRESS or not address.isascii() or not address.isprintable():
        return None
    if any(sign in address for sign in " \"'\\<>^`{|}"):
        return None
    try:
        parts = urlsplit(address)
        is_valid = parts.port != 0 and bool(parts.hostname)
    except ValueError:
        return None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return parts if is_valid and is_safe else None


def normalised_keys(keys: Any) -> list[dict[str, str]]:
    """Return public keys (JWK) with what counts of them, by id. A key without an id gets its thumbprint (RFC 7638).

    Raises ValueError with what is wrong.
    """
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError(_("Expected a list of public keys (JWK)."))
    found = [_normalised(key) for key in keys]
    if len({key["kid"] for key in found}) < len(found):
        raise ValueError(_("Two keys have the same id (kid)."))
    return sorted(found, key=lambda key: key["kid"])


def _normalised(key: Mapping[str, Any]) -> dict[str, str]:
    names = _PUBLIC.get(str(key.get("kty")))
    if names is None:
        raise ValueError(_("Only RSA and EC keys are known (kty)."))
    if not set(key).isdisjoint({"d", "p", "q", "dp", "dq", "qi", "oth", "k"}):
        raise ValueError(_("This is a private key. Only the public one belongs here; make another pair."))
    algorithm = ALGORITHMS[key["kty"]]
    if key.get("alg", algorithm) != algorithm or key.get("use", "sig") != "sig":
        raise ValueError(_("An RSA key signs with RS256, an EC key with ES256, and neither is for anything else."))
    public = {name: str(key.get(name, "")) for name in names}
    try:
        parsed = JWK(**public)
        opened = parsed.get_op_key("verify")
    except (JWException, ValueError, TypeError) as error:
        raise ValueError(_("The key cannot be read.")) from error
    is_long = isinstance(opened, RSAPublicKey) and opened.key_size >= MIN_RSA_BITS
    if not is_long and public.get("crv") != "P-256":
        raise ValueError(_("An RSA key needs 2048 bits or more, an EC key the curve P-256."))
    kid = str(key.get("kid") or parsed.thumbprint())
    if not all(map(is_storable, (kid, *public.values()))):
        raise ValueError(_("The key cannot be read."))
    return {**public, "alg": algorithm, "kid": kid}


def thumbprint(key: Mapping[str, str]) -> str:
    return JWK(**{name: key[name] for name in _PUBLIC[key["kty"]]}).thumbprint()


def faults_of(found: Iterable[str | None]) -> list[str]:
    return [fault for fault in found if fault is not None]
