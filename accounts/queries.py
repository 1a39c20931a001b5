"""Choosing members, and finding the actor behind a token."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from hashlib import sha256

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from oauth2_provider.models import AccessToken

from accounts.actor import ID_SLOTS, Actor, ActorKind, Sight, member_actor
from accounts.models import ClientApplication, Member
from accounts.questions import Answer, Question, Row
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


def hierarchy_of(member_id: int) -> tuple[int, ...]:
    """The ids of the member and of everyone below it."""
    return tuple(members_below(member_id).order_by().values_list("pk", flat=True))


def with_hierarchy(actor: Actor) -> Actor:
    """The actor for statements about many contacts: with the ids of who is below it, read in a small statement first.

    PostgreSQL then knows how many they are, and plans for a reviewer with a few contacts and for the head of a house
    what suits each. Of a subquery it can but guess, and looks for the requests of the former among those of all.
    Where a statement is about one contact the subquery costs nothing, and the statement before it would.
    """
    if actor.member_id is None or actor.sees_all_contacts or actor.hierarchy is not None:
        return actor
    return replace(actor, hierarchy=hierarchy_of(actor.member_id))


def actor_of_user(user_id: int | None) -> Actor | None:
    """The actor of the member behind a login, for work that goes on after its session; None for staff who are none."""
    if user_id is None:
        return None
    member = Member.objects.select_related("user").filter(user_id=user_id, user__is_active=True).first()
    return None if member is None else member_actor(member)


def _participants_of_application() -> ArraySubquery:
    memberships = ClientApplication.participants.through.objects
    return ArraySubquery(memberships.filter(clientapplication_id=OuterRef("application_id")).values("participant_id"))


# What a token's row says of its actor, in the order of `_actor_of`.
_ACTOR_COLUMNS = (
    *("scope", "application_id", "application__name", "participant_ids"),
    *("user_id", "user__is_active", "user__username", "user__first_name", "user__last_name"),
    *("member_id", "user__member__uid", "user__member__sees_all_contacts"),
    *("contact_id", "user__contact__uid", "user__contact__name"),
)

# The checksum of a token -> the sight of its actor when it was last used: from it the statement is chosen that answers
# a question along with the token. What the token says now decides whether the choice was right.
_last_sights: dict[str, Sight] = {}
MAX_SIGHTS = 10_000


@cache
def _actor_statement() -> Statement:
    tokens = AccessToken.objects.filter(token_checksum=Slot("checksum"), expires__gt=Slot("now"))
    named = tokens.annotate(
        participant_ids=_participants_of_application(),
        member_id=F("user__member__id"),
        contact_id=F("user__contact__id"),
    )
    # The checksum is unique: no order is needed to take the first.
    return Statement.of(named.order_by().values_list(*_ACTOR_COLUMNS))


@lru_cache(maxsize=256)
def _with_answer(statement: Callable[[Sight], Statement], sight: Sight) -> Statement:
    return statement(sight).beside(_actor_statement(), given=ID_SLOTS)


def actor_of_token(token: str) -> Actor:
    """The actor behind a bearer token, in one query.

    Raises Unauthorized when the token is unknown, expired or revoked, its login is closed, or nobody stands behind it.
    """
    actor, _answer = actor_and_answer(token, None)
    return actor


def actor_and_answer(token: str, question: Question | None) -> tuple[Actor, Answer | None]:
    """The actor behind a bearer token and, from the same query, the answer to its question.

    No answer where this process has not yet seen the token, or its actor sees in another way than when it was last
    seen: then the question has to be asked by itself. Raises like `actor_of_token`.
    """
    checksum = sha256(token.encode()).hexdigest()
    values = {"checksum": checksum, "now": timezone.now()}
    expected = None if question is None else _last_sights.get(checksum)
    if question is None or expected is None:
        row = _actor_statement().first(values)
    else:
        row = _with_answer(question.statement, expected).first({**values, **question.values})
    if row is None:
        _last_sights.pop(checksum, None)
        raise Unauthorized
    told = len(_ACTOR_COLUMNS)
    actor = _actor_of(row[:told])
    sight = Sight.of(actor)
    if sight == expected:
        return actor, Answer(None if row[told] is None else row[told:])
    if len(_last_sights) >= MAX_SIGHTS:
        _last_sights.clear()  # most are of tokens that have expired
    _last_sights[checksum] = sight
    return actor, None


def _actor_of(row: Row) -> Actor:
    """Raises Unauthorized when the login is closed, or nobody stands behind the token."""
    scope, application_id, application_name, participant_ids, user_id, is_active, username, *of_user = row
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
