"""Queries for change requests."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from django.db.models import Q, QuerySet, Value
from django.db.models.constants import LOOKUP_SEP
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.queries import NOTHING
from changerequests.kinds import all_kinds, request_kind
from changerequests.models import ChangeRequest, ChangeRequestQuerySet, RequestSubject, Status
from core.errors import NotFound


def no_such_request() -> NotFound:
    return NotFound(_("There is no change request with this id that you can see."))


def request_of_subject(*, actor: Actor, kind: str, subject_id: int, change_request_id: int) -> ChangeRequest:
    """Return the request with its people. Raises NotFound, also if it has another kind or subject."""
    requests = visible_of_kind(actor=actor, kind=kind).with_people()
    request = requests.filter(pk=change_request_id, subject_id=subject_id).first()
    if request is None:
        raise no_such_request()
    return request


def check_subject(*, kind: str, subject_id: int, change_request_id: int) -> None:
    """Raise NotFound unless the request is about this subject alone."""
    requests = ChangeRequest.objects.of_kind(kind).filter(pk=change_request_id, subject_id=subject_id)
    if not requests.exists():
        raise no_such_request()


def visible_of_kind(*, actor: Actor, kind: str) -> ChangeRequestQuerySet:
    """Return the requests of one kind, each about one subject that the actor sees."""
    requests = ChangeRequest.objects.of_kind(kind).filter(subject_id__isnull=False)
    condition = request_kind(kind).visible(actor)
    return requests if condition is None else requests.filter(condition)


def searched(requests: QuerySet[ChangeRequest], term: str) -> QuerySet[ChangeRequest]:
    """Return the requests about subjects that match a search term, of any kind."""
    found = Q()
    for kind in all_kinds():
        found |= _about(kind.key, kind.search(term))
    return requests.filter(found)


def of_participant(requests: QuerySet[ChangeRequest], participant_id: int) -> QuerySet[ChangeRequest]:
    """Return the requests about a participant's subjects."""
    found = NOTHING
    for kind in all_kinds():
        if (subjects := kind.of_participant(participant_id)) is not None:
            found |= _about(kind.key, subjects)
    return requests.filter(found)


def _about(kind: str, subject_ids: QuerySet[Any, Any]) -> Q:
    """Return the condition that a request is about one of these subjects, or has one of them among many."""
    among = RequestSubject.objects.filter(kind=kind, subject_id__in=subject_ids).order_by().values("request")
    return Q(kind=kind, subject_id__in=subject_ids) | Q(kind=kind, subject_id=None, pk__in=among)


def open_request_of(*, kind: str, subject_id: int) -> ChangeRequest | None:
    """Return the subject's open request with its people, or None."""
    subjects = RequestSubject.objects.filter(kind=kind, subject_id=subject_id, is_open=True)
    return ChangeRequest.objects.with_people().filter(pk__in=subjects.values("request")).first()


def open_requests_of(*, kinds: Collection[str], subject_id: int) -> list[ChangeRequest]:
    """Return the subject's open requests of these kinds with their people, oldest first."""
    subjects = RequestSubject.objects.filter(kind__in=kinds, subject_id=subject_id, is_open=True)
    requests = ChangeRequest.objects.with_people().filter(pk__in=subjects.values("request"))
    return list(requests.order_by("pk"))


def neighbours(rows: QuerySet[ChangeRequest], *, of: ChangeRequest) -> tuple[int | None, int | None]:
    """Return the ids of the requests before and after `of` in the order of the rows, or None, in one query.

    `of` itself may have left the rows through a decision. The rows must be ordered by columns without nulls, the last
    of them unique.
    """
    previous = _following(rows, of, is_back=True).annotate(is_back=Value(True)).values_list("pk", "is_back")
    following = _following(rows, of).annotate(is_back=Value(False)).values_list("pk", "is_back")
    found = {is_back: pk for pk, is_back in previous[:1].union(following[:1], all=True)}
    return found.get(True), found.get(False)


def _following(
    rows: QuerySet[ChangeRequest], after: ChangeRequest, *, is_back: bool = False
) -> QuerySet[ChangeRequest]:
    """Return the rows after `after` in their order or, with `is_back`, those before it, nearest first."""
    columns = [str(column) for column in rows.query.order_by]
    order = [(column.removeprefix("-"), column.startswith("-") != is_back) for column in columns]
    later, ties, start = Q(), Q(), Q()
    for name, is_descending in order:
        value = reduce(getattr, name.split(LOOKUP_SEP), after)
        lookup = "lt" if is_descending else "gt"
        # The condition on the first column lets PostgreSQL start in the index there; the ORs do not.
        start = start or Q(**{f"{name}__{lookup}e": value})
        later |= ties & Q(**{f"{name}__{lookup}": value})
        ties &= Q(**{name: value})
    steps = [f"-{name}" if is_descending else name for name, is_descending in order]
    return rows.filter(start, later).order_by(*steps)


def next_to_decide(rows: QuerySet[ChangeRequest], *, actor: Actor, after: ChangeRequest) -> int | None:
    """Return the id of the next pending request after `after`, or else the first, that is not the actor's own."""
    waiting = rows.filter(status=Status.PENDING).exclude(initiator_member=actor.member_id).exclude(pk=after.pk)
    following = _following(waiting, after).values_list("pk", flat=True).first()
    return waiting.values_list("pk", flat=True).first() if following is None else following


def latest_requests(*, kinds: Collection[str], subject_id: int) -> QuerySet[ChangeRequest]:
    """Return the requests of these kinds about a subject, latest first, with their people."""
    subjects = RequestSubject.objects.filter(kind__in=kinds, subject_id=subject_id)
    requests = ChangeRequest.objects.filter(pk__in=subjects.values("request"))
    return requests.order_by("-created_at", "-id").with_people()


def start_of_week(moment: datetime) -> datetime:
    """Return the start of Monday in the current time zone."""
    today = timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today.weekday())
