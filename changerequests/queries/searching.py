"""Searching requests of all kinds."""

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.actor import Actor
from accounts.queries import has_permission
from changerequests.kinds import all_kinds
from changerequests.models import OPEN, Absence, ChangeRequest, ChangeRequestQuerySet, Decision, Status
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.revisions import utc_today
from changerequests.queries.sight import seen_requests
from changerequests.queries.subjects import attach_subjects, with_subjects

_FILTERS = {
    "statusIds": "status__in",
    "initiatorMemberUids": "initiator_member__uid__in",
    "createDateFrom": "created_at__gte",
    "createDateTo": "created_at__lte",
}


def requests_of_all_kinds(*, actor: Actor, criteria: Mapping[str, Any]) -> ChangeRequestQuerySet:
    """Return the visible requests that meet all criteria, latest first; null and an empty list are no criterion.

    What is the actor's to decide includes what it sees through those whose substitute it is, found by a query.
    """
    lookups = {lookup: criteria[name] for name, lookup in _FILTERS.items() if criteria[name] not in (None, [])}
    requests = requests_to_decide(actor) if criteria["isMineToDecide"] else ChangeRequest.objects.visible_to(actor)
    requests = requests.filter(**lookups)
    if criteria["kinds"]:
        requests = requests.of_shown_kinds(criteria["kinds"])
    if criteria["isOverdue"] is not None:
        requests = requests.filter(is_overdue() if criteria["isOverdue"] else ~is_overdue())
    return requests.order_by("-created_at", "-id")


def is_overdue() -> Q:
    """Return the condition that the stage which an open request waits in is overdue."""
    return Q(status__in=OPEN, due_at__lt=timezone.now())


def requests_to_decide(actor: Actor) -> ChangeRequestQuerySet:
    """Return the requests that the actor could decide now: the rule of `changerequests.eligibility` as a query.

    It sees some through those whose substitute it is, whom one query finds.
    """
    if actor.member_id is None:
        return ChangeRequest.objects.none()
    represented = _represented(actor, since=OuterRef("began_on"))
    for_decisions = _represented(actor, since=OuterRef(OuterRef("began_on")))
    by_them = Q(member=actor.member_id) | Q(on_behalf_of=actor.member_id)
    by_them |= Q(member__in=for_decisions) | Q(on_behalf_of__in=for_decisions)
    decided = Decision.objects.filter(
        by_them, revision__request=OuterRef("pk"), revision__number=OuterRef("revision_number")
    )
    groups = Group.objects.filter(user=actor.user_id).values("pk")
    about_groups = [kind.key for kind in all_kinds() if kind.is_about_groups]
    in_it = Q(user=actor.user_id) | Q(user__member__in=for_decisions)
    theirs = Group.objects.filter(in_it, pk=OuterRef("subject_id"))
    return (
        seen_requests(actor)
        .alias(began_on=TruncDate("created_at", tzinfo=UTC))
        .filter(
            Q(reviewers=None) | Q(reviewers__in=groups) | Q(escalated_to__in=groups),
            Q(initiator_member=None) | ~Q(initiator_member=actor.member_id) & ~Q(initiator_member__in=represented),
            Q(about_member=None) | ~Q(about_member=actor.member_id) & ~Q(about_member__in=represented),
            Q(excluded_member_ids=[])
            | ~Q(excluded_member_ids__contains=[actor.member_id]) & ~Q(excluded_member_ids__overlap=represented),
            ~Q(kind__in=about_groups) | ~Exists(theirs),
            has_permission(actor, REVIEW_PERMISSION),
            ~Exists(decided),
            status=Status.PENDING,
        )
    )


def _represented(actor: Actor, *, since: OuterRef) -> QuerySet[Absence, Any]:
    """Return the members whose substitute the actor was at any time since a day."""
    absences = Absence.objects.filter(substitute=actor.member_id, starts_on__lte=utc_today(), ends_on__gte=since)
    return absences.order_by().values("member")


def found_rows(requests: Any) -> Iterable[ChangeRequest]:
    """Return rows for a list, with claims and what `is_outdated` needs. Runs two queries (see `attach_subjects`)."""
    rows = list(with_subjects(requests.as_row(with_claims=True)))
    attach_subjects(rows, with_documents=True)
    return rows
