"""Everybody who may decide requests today, and who of them could decide a certain one."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date
from itertools import islice

from django.db.models import QuerySet, Value

from accounts.actor import member_actor
from accounts.models import Member
from accounts.queries import holders_of
from changerequests.eligibility import Person, objection
from changerequests.kinds import request_kind
from changerequests.models import Absence, ChangeRequest
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.revisions import Current, current_substitutions, utc_today

# How many members' sights one query asks for.
LOOKED_AT_ONCE = 50


def members_with(permission: str) -> QuerySet[Member]:
    """Return the members whose login is active and has the permission."""
    return Member.objects.filter(user__in=holders_of(permission)).order_by("pk")


def deciders_today() -> tuple[list[Person], Mapping[int, str]]:
    """Return everybody who may review, as of today: see `deciders_since`."""
    return deciders_since(utc_today())


def deciders_since(day: date) -> tuple[list[Person], Mapping[int, str]]:
    """Return everybody who may review what began on a day, and the usernames of these and of whom they represent.

    Runs three queries.
    """
    reviewers = dict(members_with(REVIEW_PERMISSION).values_list("pk", "user__username"))
    groups, represented = defaultdict[int, set[int]](set), defaultdict[int, set[int]](set)
    for member_id, group_id in Member.objects.filter(user__groups__isnull=False).values_list("pk", "user__groups"):
        groups[member_id].add(group_id)
    absences = Absence.objects.filter(starts_on__lte=utc_today(), ends_on__gte=day, substitute__in=list(reviewers))
    names = dict(reviewers)
    for substitute_id, member_id, username in absences.values_list("substitute", "member", "member__user__username"):
        represented[substitute_id].add(member_id)
        names[member_id] = username

    def groups_of(*member_ids: int) -> frozenset[int]:
        return frozenset(group_id for member_id in member_ids for group_id in groups[member_id])

    people = [Person(pk, groups_of(pk), frozenset(represented[pk]), groups_of(*represented[pk])) for pk in reviewers]
    return people, names


def members_who_could_decide(request: ChangeRequest, current: Current, *, most: int) -> list[Member]:
    """Return the first members who could decide a request now, by name (`who_could_decide`)."""
    return list(islice(who_could_decide(request, current), most))


def who_could_decide(request: ChangeRequest, current: Current) -> Iterator[Member]:
    """Yield the members who could decide a request now, by name: those whom nothing bars, and who see it.

    Runs four queries, and two more for every 50 members.
    """
    people, _names = deciders_since(request.created_at.astimezone(UTC).date())
    case = current.case(request)
    able = [person.member_id for person in people if objection(person, case) is None]
    members = Member.objects.filter(pk__in=able).select_related("user")
    by_name = list(members.order_by("user__last_name", "user__first_name", "pk"))
    for start in range(0, len(by_name), LOOKED_AT_ONCE):
        some = by_name[start : start + LOOKED_AT_ONCE]
        seeing = who_see(request, some)
        yield from (member for member in some if member.pk in seeing)


def who_see(request: ChangeRequest, members: Collection[Member]) -> set[int]:
    """Return the ids of those who see a request, also through somebody whose substitute they are today.

    The members must have their users. Runs two queries.
    """
    sights = [(member.pk, member) for member in members]
    sights += [(absence.substitute_id, absence.member) for absence in current_substitutions(*(pk for pk, _ in sights))]
    requests, kinds = ChangeRequest.objects.filter(pk=request.pk).order_by(), [request_kind(request.kind)]
    seen = [requests.visible_to(member_actor(sight), kinds=kinds).values_list(Value(pk)) for pk, sight in sights]
    return {pk for (pk,) in seen[0].union(*seen[1:], all=True)} if seen else set()
