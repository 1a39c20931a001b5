"""What programs ask about the authorization server (RFC 8414) and about tokens (RFC 7662)."""

from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views import View
from oauth2_provider.models import AccessToken
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views.mixins import OAuthLibMixin
from oauthlib.common import Request as OAuthRequest

from accounts.actor import Actor
from accounts.authentication import actor_of_token
from accounts.oauth import GuardedView
from accounts.registration import ALGORITHMS
from accounts.scopes import ALL_SCOPES
from core.errors import Unauthorized
from core.json import rendered

INTROSPECTION = "introspection"
METADATA_SECONDS = 3600


class MetadataView(View):
    """The endpoints and what they can do. The same for everybody, so any page may read it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        issuer = oauth2_settings.oauth2_authorization_server_issuer(request)
        proofs = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
        document: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": issuer + reverse("authorize"),
            "scopes_supported": list(ALL_SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "service_documentation": issuer + reverse("docs"),
        }
        endpoints = {"token": [*proofs, "none"], "revocation": [*proofs, "none"], "introspection": proofs}
        for name, methods in endpoints.items():
            document[f"{name}_endpoint"] = issuer + reverse(_NAMES[name])
            document[f"{name}_endpoint_auth_methods_supported"] = methods
            document[f"{name}_endpoint_auth_signing_alg_values_supported"] = sorted(ALGORITHMS.values())
        headers = {"Cache-Control": f"public, max-age={METADATA_SECONDS}", "Access-Control-Allow-Origin": "*"}
        return rendered(document, headers=headers)


_NAMES = {"token": "token", "revocation": "revoke-token", "introspection": "introspect-token"}


class IntrospectTokenView(GuardedView, OAuthLibMixin, View):
    """Says what a token is good for, to confidential applications that are approved for asking."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        client = self._client(request)
        if client is None:
            return _answer({"error": "invalid_client"}, status=401, headers={"WWW-Authenticate": "Basic"})
        if client.is_public or INTROSPECTION not in client.allowed_scopes.split():
            return _answer({"error": "insufficient_scope", "scope": INTROSPECTION}, status=403)
        return _answer(_described(request.POST.get("token", "")))

    def _client(self, request: HttpRequest) -> Any:
        """Return the application that has authenticated itself, by whatever the token endpoint accepts."""
        core = self.get_oauthlib_core()
        sent = OAuthRequest(*core._extract_params(request))
        if sent.uri_query:
            # Credentials are never read from the address (RFC 6749, 2.3.1): the lock does not see them there.
            return None
        return sent.client if core.server.request_validator.authenticate_client(sent) else None


def _described(token: str) -> dict[str, Any]:
    checksum = sha256(token.encode()).hexdigest()
    issued = AccessToken.objects.select_related("application").filter(token_checksum=checksum).first()
    if issued is None:
        return {"active": False}
    try:
        actor = actor_of_token(token)
    except Unauthorized:
        return {"active": False}
    return {
        "active": True,
        "token_type": "Bearer",
        "scope": issued.scope,
        "client_id": issued.application.client_id if issued.application else None,
        "exp": int(issued.expires.timestamp()),
        "iat": int(issued.created.timestamp()),
        **_person(actor),
    }


def _person(actor: Actor) -> dict[str, Any]:
    if actor.user is None:
        return {}
    return {"username": actor.user.get_username(), "sub": str(actor.member_uid or actor.contact_uid)}


def _answer(answer: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    return rendered(answer, status=status, headers={"Cache-Control": "no-store", **(headers or {})})
