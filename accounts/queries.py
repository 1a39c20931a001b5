"""Choosing members, and finding the actor behind a token."""

from hashlib import sha256

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from oauth2_provider.models import AccessToken

from accounts.actor import Actor, ActorKind, member_actor
from accounts.models import ClientApplication, Member
from core.errors import Unauthorized

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


def actor_of_token(token: str) -> Actor:
    """The actor behind a bearer token, in one query.

    Raises Unauthorized when the token is unknown, expired or revoked, its login is closed, or nobody stands behind it.
    """
    found = (
        AccessToken.objects.filter(token_checksum=sha256(token.encode()).hexdigest(), expires__gt=timezone.now())
        .values(
            "scope",
            "application_id",
            "application__name",
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
            participants=_participants_of_application(),
        )
        .first()
    )
    if found is None:
        raise Unauthorized
    scopes = frozenset(found["scope"].split())
    if found["user_id"] is None and found["application_id"] is not None:
        return Actor(
            kind=ActorKind.APP,
            name=found["application__name"],
            scopes=scopes,
            application_id=found["application_id"],
            participant_ids=tuple(found["participants"]),
        )
    if not found["user__is_active"]:
        raise Unauthorized
    if found["user__member__id"] is not None:
        full_name = f"{found['user__first_name']} {found['user__last_name']}".strip()
        return Actor(
            kind=ActorKind.MEMBER,
            name=full_name or found["user__username"],
            scopes=scopes,
            user_id=found["user_id"],
            member_id=found["user__member__id"],
            member_uid=found["user__member__uid"],
            sees_all_contacts=found["user__member__sees_all_contacts"],
        )
    if found["user__contact__id"] is not None:
        return Actor(
            kind=ActorKind.CONTACT,
            name=found["user__contact__name"],
            scopes=scopes,
            user_id=found["user_id"],
            contact_id=found["user__contact__id"],
            contact_uid=found["user__contact__uid"],
        )
    raise Unauthorized
