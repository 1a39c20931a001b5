"""Everybody who may decide requests today."""

from collections import defaultdict
from collections.abc import Mapping

from django.db.models import QuerySet

from accounts.models import Member
from accounts.queries import holders_of
from changerequests.eligibility import Person
from changerequests.models import Absence
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.revisions import utc_today


def members_with(permission: str) -> QuerySet[Member]:
    """Return the members whose login is active and has the permission."""
    return Member.objects.filter(user__in=holders_of(permission)).order_by("pk")


def deciders_today() -> tuple[list[Person], Mapping[int, str]]:
    """Return everybody who may review, and the usernames of these and of whom they represent. Runs three queries."""
    reviewers = dict(members_with(REVIEW_PERMISSION).values_list("pk", "user__username"))
    groups, represented = defaultdict[int, set[int]](set), defaultdict[int, set[int]](set)
    for member_id, group_id in Member.objects.filter(user__groups__isnull=False).values_list("pk", "user__groups"):
        groups[member_id].add(group_id)
    today = utc_today()
    absences = Absence.objects.filter(starts_on__lte=today, ends_on__gte=today, substitute__in=list(reviewers))
    names = dict(reviewers)
    for substitute_id, member_id, username in absences.values_list("substitute", "member", "member__user__username"):
        represented[substitute_id].add(member_id)
        names[member_id] = username

    def groups_of(*member_ids: int) -> frozenset[int]:
        return frozenset(group_id for member_id in member_ids for group_id in groups[member_id])

    people = [Person(pk, groups_of(pk), frozenset(represented[pk]), groups_of(*represented[pk])) for pk in reviewers]
    return people, names
