"""Bearer tokens, accepted only in the Authorization header: tokens in a URL or body would end up in logs."""

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.actor import Actor
from accounts.prefetch import PrefetchResult
from accounts.queries import actor_and_prefetch
from core.correlation import name_actor
from core.errors import Unauthorized


class BearerAuthentication(BaseAuthentication):
    """Resolves the actor once per request. `request.user` is the actor, `request.auth` what the view prefetched."""

    def authenticate(self, request: Request) -> tuple[Actor, PrefetchResult | None]:
        """Return the actor and what was prefetched. Raises Unauthorized without a valid token; nothing is public."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized
        prefetch = getattr(request.parser_context["view"], "prefetch", None)
        actor, result = actor_and_prefetch(token.strip(), prefetch)
        name_actor(actor.kind, actor.identity)
        return actor, result

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = BearerAuthentication
    name = "oauth2"

    def get_security_definition(self, auto_schema: object) -> dict[str, object]:
        scopes = {scope: str(means) for scope, means in settings.OAUTH2_PROVIDER["SCOPES"].items()}
        return {
            "type": "oauth2",
            "flows": {
                "clientCredentials": {"tokenUrl": "/connect/token", "scopes": scopes},
                "authorizationCode": {
                    "authorizationUrl": "/connect/authorize",
                    "tokenUrl": "/connect/token",
                    "scopes": scopes,
                },
            },
        }
