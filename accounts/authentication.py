"""Bearer tokens, and the actor behind them.

Tokens are accepted only in the Authorization header: in a URL or body they would end up in logs.
"""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, QuerySet, Value
from django.db.models.functions import Concat, Now
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from oauth2_provider.models import AccessToken
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.actor import SCOPE_PARAMS, Actor, ActorKind, VisibilityScope
from accounts.models import ClientApplication, User
from accounts.prefetch import PrefetchResult, Row, ViewPrefetch
from core.errors import Unauthorized
from core.prepared import Param, PreparedQuery

TokenRow = Mapping[str, Any]

_OF_TOKEN = ("scope", "application_id", "user_id")


def _columns(kind: ActorKind | None) -> Mapping[str, Any]:
    """Return the columns that show whether a token still has an actor of this kind, and describe it; None: any kind.

    A contact that has become a member acts as a member.
    """
    participants = ClientApplication.participants.through.objects.filter(
        clientapplication_id=OuterRef("application_id")
    )
    of_application: dict[str, Any] = {
        "application_name": F("application__name"),
        "participant_ids": ArraySubquery(participants.values("participant_id")),
    }
    of_member: dict[str, Any] = {
        "is_active": F("user__is_active"),
        "username": F("user__username"),
        "first_name": F("user__first_name"),
        "last_name": F("user__last_name"),
        "member_id": F("user__member__id"),
        "member_uid": F("user__member__uid"),
        "sees_all_contacts": F("user__member__sees_all_contacts"),
    }
    of_staff = of_member | {
        "is_superuser": F("user__is_superuser"),
        "own_permissions": _names_of(User.user_permissions.through.objects.filter(user_id=OuterRef("user_id"))),
        "group_permissions": _names_of(Group.permissions.through.objects.filter(group__user=OuterRef("user_id"))),
    }
    of_contact = of_member | {
        "contact_id": F("user__contact__id"),
        "contact_uid": F("user__contact__uid"),
        "contact_name": F("user__contact__name"),
    }
    of_kinds: Mapping[ActorKind, Mapping[str, Any]] = {
        ActorKind.APP: of_application,
        ActorKind.MEMBER: of_staff,
        ActorKind.CONTACT: of_contact,
    }
    return of_application | of_staff | of_contact if kind is None else of_kinds[kind]


def _names_of(granted: QuerySet[Any]) -> ArraySubquery:
    """Return the names of granted permissions, as Django writes them."""
    name = Concat(F("permission__content_type__app_label"), Value("."), F("permission__codename"))
    return ArraySubquery(granted.order_by().values(name=name))


# Token checksum -> the actor's visibility when the token was last used. It selects the query that finds such an actor
# and runs its prefetch. The current token row shows whether the guess was right.
_last_scopes: dict[str, VisibilityScope] = {}
MAX_SCOPES = 10_000


@cache
def _names(kind: ActorKind | None) -> tuple[str, ...]:
    return (*_OF_TOKEN, *_columns(kind))


@cache
def _prepared_actor(kind: ActorKind | None) -> PreparedQuery:
    tokens = AccessToken.objects.filter(token_checksum=Param("checksum"), expires__gt=Now())
    # The checksum is unique, so the first row needs no order.
    return PreparedQuery.from_queryset(tokens.annotate(**_columns(kind)).order_by().values_list(*_names(kind)))


@lru_cache(maxsize=256)
def _prepared_with_prefetch(
    prepared: Callable[[VisibilityScope], PreparedQuery], scope: VisibilityScope
) -> PreparedQuery:
    return prepared(scope).lateral_join(_prepared_actor(scope.kind), correlated=SCOPE_PARAMS)


def actor_of_token(token: str) -> Actor:
    """Return the actor of a bearer token, in one query; in two if its visibility has changed since the last use.

    Raises Unauthorized if the token is unknown, expired or revoked, its login is inactive, or it has no actor.
    """
    actor, _result = actor_and_prefetch(token, None)
    return actor


def actor_and_prefetch(token: str, prefetch: ViewPrefetch | None) -> tuple[Actor, PrefetchResult | None]:
    """Return the actor of a bearer token and the result of the prefetch, from the same query.

    There is no result if this process sees the token for the first time, or if its actor's visibility has changed: then
    the caller runs the prefetch itself. Raises like `actor_of_token`.
    """
    checksum = sha256(token.encode()).hexdigest()
    values: dict[str, Any] = {"checksum": checksum}
    expected = _last_scopes.get(checksum)
    if expected is not None:
        if prefetch is None:
            token_row, row = _read_token(_prepared_actor(expected.kind), values, expected.kind)
        else:
            query = _prepared_with_prefetch(prefetch.prepared, expected)
            token_row, row = _read_token(query, {**values, **prefetch.values}, expected.kind)
        is_of_kind = _actor_kind(token_row) is expected.kind
        if is_of_kind and VisibilityScope.of(actor := _actor_from_row(token_row, checksum)) == expected:
            return actor, PrefetchResult(None if row[0] is None else row) if prefetch else None
    token_row, _nothing = _read_token(_prepared_actor(None), values, None)
    actor = _actor_from_row(token_row, checksum)
    if len(_last_scopes) >= MAX_SCOPES:
        _last_scopes.clear()  # most belong to expired tokens
    _last_scopes[checksum] = VisibilityScope.of(actor)
    return actor, None


def _read_token(query: PreparedQuery, values: Mapping[str, Any], kind: ActorKind | None) -> tuple[TokenRow, Row]:
    """Return the actor's columns by name, and the columns after them. Raises Unauthorized if there is no such token."""
    row = query.first(values)
    if row is None:
        raise _invalid_token()
    names = _names(kind)
    return dict(zip(names, row, strict=False)), row[len(names) :]


def _invalid_token() -> Unauthorized:
    """Return the error for a token that does not count, whatever the reason (RFC 6750, 3.1)."""
    return Unauthorized(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def _actor_kind(token_row: TokenRow) -> ActorKind | None:
    """Return the kind of actor, if these columns show it."""
    if token_row["user_id"] is None:
        return None if token_row["application_id"] is None else ActorKind.APP
    if token_row.get("member_id") is not None:
        return ActorKind.MEMBER
    if token_row.get("contact_id") is not None:
        return ActorKind.CONTACT
    return None


def _actor_from_row(token_row: TokenRow, checksum: str) -> Actor:
    """Return the actor. Raises Unauthorized if the login is inactive or the token has no actor."""
    kind = _actor_kind(token_row)
    scopes = frozenset(token_row["scope"].split())
    if kind is ActorKind.APP:
        return Actor(
            kind=kind,
            name=token_row["application_name"],
            scopes=scopes,
            application_id=token_row["application_id"],
            participant_ids=tuple(token_row["participant_ids"]),
        )
    if kind is None or not token_row["is_active"]:
        raise _invalid_token()
    if kind is ActorKind.MEMBER:
        return Actor(
            kind=kind,
            name=f"{token_row['first_name']} {token_row['last_name']}".strip() or token_row["username"],
            scopes=scopes,
            user_id=token_row["user_id"],
            member_id=token_row["member_id"],
            member_uid=token_row["member_uid"],
            sees_all_contacts=token_row["sees_all_contacts"],
            is_superuser=token_row["is_superuser"],
            permissions=frozenset(token_row["own_permissions"]).union(token_row["group_permissions"]),
            via_application_id=token_row["application_id"],
            token_checksum=checksum,
        )
    return Actor(
        kind=kind,
        name=token_row["contact_name"],
        scopes=scopes,
        user_id=token_row["user_id"],
        contact_id=token_row["contact_id"],
        contact_uid=token_row["contact_uid"],
        via_application_id=token_row["application_id"],
        token_checksum=checksum,
    )


class BearerAuthentication(BaseAuthentication):
    """Resolves the actor once per request. `request.user` is the actor, `request.auth` what the view prefetched."""

    def authenticate(self, request: Request) -> tuple[Actor, PrefetchResult | None]:
        """Return the actor and what was prefetched. Raises Unauthorized without a valid token; nothing is public."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized
        prefetch = getattr(request.parser_context["view"], "prefetch", None)
        actor, result = actor_and_prefetch(token.strip(), prefetch)
        actor.bind_to_log()
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
            "description": (
                "A bearer token of OAuth2: for the application itself (client credentials), or for a member or contact "
                "who allows it (authorization code with PKCE). `/.well-known/oauth-authorization-server` has the rest."
            ),
            "flows": {
                "clientCredentials": {"tokenUrl": "/connect/token", "scopes": scopes},
                "authorizationCode": {
                    "authorizationUrl": "/connect/authorize",
                    "tokenUrl": "/connect/token",
                    "refreshUrl": "/connect/token",
                    "scopes": scopes,
                },
            },
        }
