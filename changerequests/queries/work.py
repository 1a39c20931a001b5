"""What waits for a member, who decides and asks. The dashboard and the daily digest show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

from django.db.models import Q

from accounts.actor import Actor
from accounts.queries import capped_counts
from changerequests.models import ChangeRequest, ChangeRequestQuerySet, Status
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.searching import requests_to_decide
from changerequests.queries.subjects import attach_subjects
from core.paging import keys_in_order, with_keys

# Upper bounds of the age groups in which the requests to decide are counted; the last group has none.
AGES = (timedelta(days=1), timedelta(days=3), timedelta(days=7), timedelta(days=30))


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers of requests. A number that equals the cap means that many or more.

    `ages` divides what is to decide, and `overdue` is a part of it. The others are the member's own requests.
    """

    to_decide: int = 0
    overdue: int = 0
    ages: Sequence[int] = ()
    returned: int = 0
    rejected: int = 0
    waiting: int = 0
    asked: int = 0


@dataclass(frozen=True, slots=True)
class FirstRows:
    """The requests to show: those to decide oldest first, what came back latest first."""

    to_decide: list[ChangeRequest]
    returned: list[ChangeRequest]
    rejected: list[ChangeRequest]


class Work:
    """The work of one member at a moment: what it could decide, if it may review, and what it asked for.

    What was rejected counts from `rejected_since` on. Finding those whose substitute it is runs a query.
    """

    def __init__(self, actor: Actor, *, now: datetime, rejected_since: datetime) -> None:
        self._actor, self._now = actor, now
        self.may_review = actor.has_perm(REVIEW_PERMISSION)
        self._to_decide = requests_to_decide(actor) if self.may_review else ChangeRequest.objects.none()
        self._asked = ChangeRequest.objects.filter(initiator_member=actor.member_id)
        own: Any = ChangeRequest.objects.visible_to(actor).filter(initiator_member=actor.member_id)
        self._returned = own.filter(status=Status.RETURNED)
        self._rejected = own.filter(status=Status.REJECTED, reviewed_at__gte=rejected_since)
        self._waiting = own.filter(status=Status.PENDING)

    def figures(self, *, most: int) -> Figures:
        """Count in one statement, which reads at most `most` index entries for each number."""
        rows: dict[str, ChangeRequestQuerySet] = {
            "returned": self._returned,
            "rejected": self._rejected,
            "waiting": self._waiting,
            "asked": self._asked,
        }
        ages = {f"age_{number}": condition for number, condition in enumerate(self._ages())}
        if self.may_review:
            rows["to_decide"] = self._to_decide
            rows["overdue"] = self._to_decide.filter(due_at__lt=self._now)
            rows |= {name: self._to_decide.filter(condition) for name, condition in ages.items()}
        counts = capped_counts(actor=self._actor, rows=rows, most=most)
        by_age = [counts.pop(name, 0) for name in ages]
        return Figures(**counts, ages=by_age)

    def first_rows(self, figures: Figures, *, limit: int) -> FirstRows:
        """Return the first requests of each list, with people and subjects. Runs one query, and those for subjects."""
        lists = [
            (self._to_decide.order_by("created_at", "id"), figures.to_decide),
            (self._returned.order_by("-reviewed_at", "-id"), figures.returned),
            (self._rejected.order_by("-reviewed_at", "-id"), figures.rejected),
        ]
        keys = [keys_in_order(rows, total=total, start=0, stop=limit) for rows, total in lists if total]
        found = list(reduce(or_, (with_keys(ChangeRequest.objects.as_row(), some) for some in keys))) if keys else []
        attach_subjects(found)
        waiting = [row for row in found if row.is_pending]
        came_back = sorted(
            (row for row in found if not row.is_pending), key=lambda row: (row.reviewed_at, row.pk), reverse=True
        )
        return FirstRows(
            to_decide=sorted(waiting, key=lambda row: (row.created_at, row.pk)),
            returned=[row for row in came_back if row.is_open],
            rejected=[row for row in came_back if not row.is_open],
        )

    def _ages(self) -> list[Q]:
        """Return the conditions of the age groups, youngest first."""
        edges = [None, *(self._now - age for age in AGES), None]
        return [
            (Q() if since is None else Q(created_at__gte=since)) & (Q() if until is None else Q(created_at__lt=until))
            for until, since in pairwise(edges)
        ]
