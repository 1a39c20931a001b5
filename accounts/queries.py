"""Queries for members, and for the actor of a token."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from oauth2_provider.models import AccessToken

from accounts.actor import SCOPE_PARAMS, Actor, ActorKind, VisibilityScope, member_actor
from accounts.models import ClientApplication, Member
from accounts.prefetch import PrefetchResult, Row, ViewPrefetch
from core.errors import NotFound, Unauthorized
from core.prepared import Param, PreparedQuery

# From a member downwards, using the index on manager_id. UNION (not ALL) terminates even on cyclic data.
BELOW = """
    WITH RECURSIVE below AS (
        SELECT %s::integer AS id
        UNION
        SELECT member.id FROM accounts_member member JOIN below ON member.manager_id = below.id
    )
    SELECT id FROM below
"""


def member_and_below(member_id: int) -> RawSQL:
    """Return the ids of a member and of all members below it, as a subquery for `__in`."""
    return RawSQL(BELOW, [member_id])  # noqa: S611 - a constant text with one bound parameter


def members_below(member_id: int) -> QuerySet[Member]:
    """Return the member and all members below it."""
    return Member.objects.filter(pk__in=member_and_below(member_id))


def hierarchy_of(member_id: int) -> tuple[int, ...]:
    """Return the ids of the member and of all members below it."""
    return tuple(members_below(member_id).order_by().values_list("pk", flat=True))


def with_hierarchy(actor: Actor) -> Actor:
    """Return the actor with its hierarchy, loaded by a small query of its own, for queries about many contacts.

    With the ids as values, PostgreSQL knows their number and plans well both for a reviewer with a few contacts and for
    the head of a department. For a subquery it can only guess, and scans everybody's requests for those of the former.
    For a query about one contact the subquery costs nothing, whereas an extra query would.
    """
    if actor.member_id is None or actor.sees_all_contacts or actor.hierarchy is not None:
        return actor
    return replace(actor, hierarchy=hierarchy_of(actor.member_id))


def member_seen_by(*, actor: Actor, member_id: int) -> Member:
    """Return the member for whom the actor may search: itself or a member below it.

    Apps, and members who see all contacts, may search for any member. Raises NotFound for anybody else.
    """
    members = Member.objects.all()
    if actor.is_member and not actor.sees_all_contacts and actor.member_id is not None:
        members = members_below(actor.member_id)
    member = members.filter(pk=member_id).first()
    if member is None:
        raise NotFound(_("There is no member with this id that you can see."))
    return member


class CappedCount(Subquery):
    """The number of rows of a queryset, as a value in another query. Stops counting at `most`."""

    template = "(SELECT count(*) FROM (%(subquery)s) counted)"

    def __init__(self, rows: QuerySet[Any], *, most: int) -> None:
        super().__init__(rows.order_by().values("pk")[:most], output_field=IntegerField())


def capped_counts(*, actor: Actor, rows: Mapping[str, QuerySet[Any]], most: int) -> dict[str, int]:
    """Return the number of rows of each queryset, at most `most`. The actor must be a member. One statement."""
    counts: dict[str, Any] = {f"count_{name}": CappedCount(queryset, most=most) for name, queryset in rows.items()}
    # The values need a row to select from: the member's own always exists.
    found: dict[str, Any] = dict(Member.objects.filter(pk=actor.member_id or 0).values("pk", **counts).get())
    return {name: found[f"count_{name}"] for name in rows}


def actor_of_user(user_id: int | None) -> Actor | None:
    """Return the actor of the member behind a user, for work outside a session; None for users who are not members."""
    if user_id is None:
        return None
    member = Member.objects.select_related("user").filter(user_id=user_id, user__is_active=True).first()
    return None if member is None else member_actor(member)


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
    of_contact = of_member | {
        "contact_id": F("user__contact__id"),
        "contact_uid": F("user__contact__uid"),
        "contact_name": F("user__contact__name"),
    }
    of_kinds: Mapping[ActorKind, Mapping[str, Any]] = {
        ActorKind.APP: of_application,
        ActorKind.MEMBER: of_member,
        ActorKind.CONTACT: of_contact,
    }
    return of_application | of_contact if kind is None else of_kinds[kind]


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
        if is_of_kind and VisibilityScope.of(actor := _actor_from_row(token_row)) == expected:
            return actor, PrefetchResult(None if row[0] is None else row) if prefetch else None
    token_row, _nothing = _read_token(_prepared_actor(None), values, None)
    actor = _actor_from_row(token_row)
    if len(_last_scopes) >= MAX_SCOPES:
        _last_scopes.clear()  # most belong to expired tokens
    _last_scopes[checksum] = VisibilityScope.of(actor)
    return actor, None


def _read_token(query: PreparedQuery, values: Mapping[str, Any], kind: ActorKind | None) -> tuple[TokenRow, Row]:
    """Return the actor's columns by name, and the columns after them. Raises Unauthorized if there is no such token."""
    row = query.first(values)
    if row is None:
        raise Unauthorized
    names = _names(kind)
    return dict(zip(names, row, strict=False)), row[len(names) :]


def _actor_kind(token_row: TokenRow) -> ActorKind | None:
    """Return the kind of actor, if these columns show it."""
    if token_row["user_id"] is None:
        return None if token_row["application_id"] is None else ActorKind.APP
    if token_row.get("member_id") is not None:
        return ActorKind.MEMBER
    if token_row.get("contact_id") is not None:
        return ActorKind.CONTACT
    return None


def _actor_from_row(token_row: TokenRow) -> Actor:
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
        raise Unauthorized
    if kind is ActorKind.MEMBER:
        return Actor(
            kind=kind,
            name=f"{token_row['first_name']} {token_row['last_name']}".strip() or token_row["username"],
            scopes=scopes,
            user_id=token_row["user_id"],
            member_id=token_row["member_id"],
            member_uid=token_row["member_uid"],
            sees_all_contacts=token_row["sees_all_contacts"],
        )
    return Actor(
        kind=kind,
        name=token_row["contact_name"],
        scopes=scopes,
        user_id=token_row["user_id"],
        contact_id=token_row["contact_id"],
        contact_uid=token_row["contact_uid"],
    )
