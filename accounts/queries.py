"""Choosing members, and finding the actor behind a token."""

from functools import cache
from hashlib import sha256

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from oauth2_provider.models import AccessToken

from accounts.actor import Actor, ActorKind, member_actor
from accounts.models import ClientApplication, Member
from core.errors import Unauthorized
from core.statements import Slot, Statement

# From one member downwards along the index on manager_id. UNION (not ALL) ends even if the data held a cycle.
BELOW = """
    WITH RECURSIVE below AS (
        SELECT %s::integer AS id
        UNION
        SELECT member.id FROM accounts_member member JOIN below ON member.manager_id = below.id
    )
    SELECT id FROM below
"""


def member_and_below(member_id: int) -> RawSQL:
    """The ids of a member and of all members below it, as a subquery for `__in`."""
    return RawSQL(BELOW, [member_id])  # noqa: S611 - a constant text with one bound parameter


def members_below(member_id: int) -> QuerySet[Member]:
    """The member itself and everyone below it."""
    return Member.objects.filter(pk__in=member_and_below(member_id))


def actor_of_user(user_id: int | None) -> Actor | None:
    """The actor of the member behind a login, for work that goes on after its session; None for staff who are none."""
    if user_id is None:
        return None
    member = Member.objects.select_related("user").filter(user_id=user_id, user__is_active=True).first()
    return None if member is None else member_actor(member)


def _participants_of_application() -> ArraySubquery:
    memberships = ClientApplication.participants.through.objects
    return ArraySubquery(memberships.filter(clientapplication_id=OuterRef("application_id")).values("participant_id"))


@cache
def _actor_statement() -> Statement:
    tokens = AccessToken.objects.filter(token_checksum=Slot("checksum"), expires__gt=Slot("now"))
    # The checksum is unique: no order is needed to take the first.
    return Statement.of(
        tokens.order_by().values_list(
            "scope",
            "application_id",
            "application__name",
            _participants_of_application(),
            "user_id",
            "user__is_active",
            "user__username",
            "user__first_name",
            "user__last_name",
            "user__member__id",
            "user__member__uid",
            "user__member__sees_all_contacts",
            "user__contact__id",
            "user__contact__uid",
            "user__contact__name",
        )
    )


def actor_of_token(token: str) -> Actor:
    """The actor behind a bearer token, in one query.

    Raises Unauthorized when the token is unknown, expired or revoked, its login is closed, or nobody stands behind it.
    """
    found = _actor_statement().first({"checksum": sha256(token.encode()).hexdigest(), "now": timezone.now()})
    if found is None:
        raise Unauthorized
    scope, application_id, application_name, participant_ids, user_id, is_active, username, *of_user = found
    first_name, last_name, member_id, member_uid, sees_all_contacts, contact_id, contact_uid, contact_name = of_user
    scopes = frozenset(scope.split())
    if user_id is None and application_id is not None:
        return Actor(
            kind=ActorKind.APP,
            name=application_name,
            scopes=scopes,
            application_id=application_id,
            participant_ids=tuple(participant_ids),
        )
    if not is_active:
        raise Unauthorized
    if member_id is not None:
        return Actor(
            kind=ActorKind.MEMBER,
            name=f"{first_name} {last_name}".strip() or username,
            scopes=scopes,
            user_id=user_id,
            member_id=member_id,
            member_uid=member_uid,
            sees_all_contacts=sees_all_contacts,
        )
    if contact_id is not None:
        return Actor(
            kind=ActorKind.CONTACT,
            name=contact_name,
            scopes=scopes,
            user_id=user_id,
            contact_id=contact_id,
            contact_uid=contact_uid,
        )
    raise Unauthorized
