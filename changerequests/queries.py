"""Choosing change requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, reduce
from itertools import pairwise
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.constants import LOOKUP_SEP
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor, VisibilityScope
from accounts.models import Member
from accounts.prefetch import Row, ViewPrefetch
from accounts.queries import hierarchy_of, members_below
from changerequests.models import ChangeRequest, Status
from contacts.models import ChangeSet, Contact
from contacts.queries import capped_counts, latest_change_sets, no_such_contact, with_pending_channels
from core.errors import NotFound
from core.paging import keys_in_order
from core.prepared import Param, PreparedQuery, id_or_none

# Where the ages end that waiting requests are counted by: a day, three days, a week, thirty days; the last has no end.
AGES = (timedelta(days=1), timedelta(days=3), timedelta(days=7), timedelta(days=30))


def no_such_request() -> NotFound:
    return NotFound(_("There is no change request with this id that you can see."))


def locked_request(*, contact: Contact, change_request_id: int) -> ChangeRequest:
    """The request with its row locked; the contact's lock must be held. Raises NotFound, also for another contact's."""
    request = contact.change_requests.select_for_update().filter(pk=change_request_id).first()
    if request is None:
        raise no_such_request()
    return request


def visible_request(*, actor: Actor, contact_id: int, change_request_id: int) -> ChangeRequest:
    """The request with its people. Raises NotFound, also when it is another contact's."""
    requests = ChangeRequest.objects.visible_to(actor).with_people()
    request = requests.filter(pk=change_request_id, contact=contact_id).first()
    if request is None:
        raise no_such_request()
    return request


def pending_request(*, actor: Actor, contact_id: int) -> ChangeRequest | None:
    """The contact's pending request, if any. Raises NotFound when the actor cannot see the contact."""
    requests = ChangeRequest.objects.visible_to(actor).with_people()
    request = requests.filter(contact=contact_id, status=Status.PENDING).first()
    if request is None and not Contact.objects.visible_to(actor).filter(pk=contact_id).exists():
        raise no_such_contact()
    return request


def with_pending_request(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    """Adds `has_pending_change_request`."""
    pending = ChangeRequest.objects.filter(contact=OuterRef("pk"), status=Status.PENDING)
    return contacts.annotate(has_pending_change_request=Exists(pending))


@dataclass(frozen=True, slots=True)
class ReadDetails:
    """A contact as a reader gets it; `details` is the text of the JSON document, which nobody needs to parse."""

    id: int
    version: int
    details: str
    has_pending_change_request: bool
    has_pending_email: bool
    has_pending_mobile: bool


def details_query(contact_id: int) -> ViewPrefetch:
    """Reads the details of a contact; `details_from_row` takes the row."""
    return ViewPrefetch(_prepared_details, {"id": id_or_none(contact_id)})


def details_from_row(row: Row | None) -> ReadDetails:
    """The details that `details_query` has read.

    Raises NotFound when there is no such contact or the actor cannot see it.
    """
    if row is None:
        raise no_such_contact()
    return ReadDetails(*row)


@lru_cache(maxsize=256)
def _prepared_details(scope: VisibilityScope) -> PreparedQuery:
    contacts = with_pending_request(with_pending_channels(Contact.objects.visible_to(scope.actor)))
    return PreparedQuery.from_queryset(
        contacts.filter(pk=Param("id"))
        .order_by()
        .values_list(
            "id",
            "version",
            Cast("details", TextField()),
            "has_pending_change_request",
            "has_pending_email",
            "has_pending_mobile",
        )
    )


def member_seen_by(*, actor: Actor, member_id: int) -> Member:
    """The member in whose place a search may run: oneself or somebody below; apps and those who see all choose freely.

    Raises NotFound for anybody else.
    """
    members = Member.objects.all()
    if actor.is_member and not actor.sees_all_contacts and actor.member_id is not None:
        members = members_below(actor.member_id)
    member = members.filter(pk=member_id).first()
    if member is None:
        raise NotFound(_("There is no member with this id that you can see."))
    return member


FILTERS = {
    "statusId": "status",
    "createDateFrom": "created_at__gte",
    "createDateTo": "created_at__lte",
    "initiatorMemberIds": "initiator_member__in",
    "initiatorMemberUids": "initiator_member__uid__in",
    "contactIds": "contact__in",
    "reviewDateFrom": "reviewed_at__gte",
    "reviewDateTo": "reviewed_at__lte",
    "reviewMemberIds": "review_member__in",
    "reviewMemberUids": "review_member__uid__in",
    "paths": "paths__overlap",
}


def searched_requests(
    *, actor: Actor, criteria: Mapping[str, Any], member: Member | None = None
) -> QuerySet[ChangeRequest]:
    """The visible requests that meet all criteria; a path matches itself and what is below it.

    With `member`, only requests about contacts that the member sees too.
    """
    exclude_hierarchy = criteria["excludeHierarchy"]
    requests = ChangeRequest.objects.visible_to(actor, exclude_hierarchy=exclude_hierarchy)
    if member is not None and not member.sees_all_contacts:
        contacts = Contact.objects.assigned_to([member.pk] if exclude_hierarchy else hierarchy_of(member.pk))
        requests = requests.filter(contact__in=contacts)
    asked = {lookup: criteria[name] for name, lookup in FILTERS.items() if criteria.get(name) is not None}
    return requests.filter(**asked)


def neighbours(rows: QuerySet[ChangeRequest], *, of: ChangeRequest) -> tuple[int | None, int | None]:
    """The ids of the requests before and after one in the order of the rows, in one query; None at an end.

    It need not be among the rows itself, since a decision may have taken it from them. The rows are ordered by columns
    without nulls, the last of them unique.
    """
    previous = _following(rows, of, is_back=True).annotate(is_back=Value(True)).values_list("pk", "is_back")
    following = _following(rows, of).annotate(is_back=Value(False)).values_list("pk", "is_back")
    found = {is_back: pk for pk, is_back in previous[:1].union(following[:1], all=True)}
    return found.get(True), found.get(False)


def _following(
    rows: QuerySet[ChangeRequest], after: ChangeRequest, *, is_back: bool = False
) -> QuerySet[ChangeRequest]:
    """The rows that follow `after` in their order; with `is_back` those before it, the nearest first."""
    columns = [str(column) for column in rows.query.order_by]
    order = [(column.removeprefix("-"), column.startswith("-") != is_back) for column in columns]
    later, ties, start = Q(), Q(), Q()
    for name, is_descending in order:
        value = reduce(getattr, name.split(LOOKUP_SEP), after)
        lookup = "lt" if is_descending else "gt"
        # What follows has the first column at or beyond: an index is entered there, which it is not by the ORs.
        start = start or Q(**{f"{name}__{lookup}e": value})
        later |= ties & Q(**{f"{name}__{lookup}": value})
        ties &= Q(**{name: value})
    steps = [f"-{name}" if is_descending else name for name, is_descending in order]
    return rows.filter(start, later).order_by(*steps)


def next_to_decide(rows: QuerySet[ChangeRequest], *, actor: Actor, after: ChangeRequest) -> int | None:
    """The id of the pending request that the actor might decide next: the one after `after`, else the first."""
    waiting = rows.filter(status=Status.PENDING).exclude(initiator_member=actor.member_id).exclude(pk=after.pk)
    following = _following(waiting, after).values_list("pk", flat=True).first()
    return waiting.values_list("pk", flat=True).first() if following is None else following


def latest_requests(*, contact_id: int, limit: int | None = None) -> QuerySet[ChangeRequest]:
    """The latest requests about a contact, with their people."""
    requests = ChangeRequest.objects.filter(contact_id=contact_id).order_by("-created_at", "-id")
    return requests.with_people().defer("changes")[:limit]


def latest_history(*, contact_id: int, limit: int | None = None, path: str | None = None) -> QuerySet[ChangeSet]:
    """The latest change sets of a contact, each with the request that led to it, if one did, and its reviewer."""
    history = latest_change_sets(contact_id=contact_id, limit=limit, path=path)
    return history.select_related("change_request__review_member__user").defer(
        "initiator_contact__details", "change_request__changes", "change_request__paths"
    )


@dataclass(frozen=True, slots=True)
class AgeGroup:
    """Waiting requests that were asked for at `since` or later, and before `until`."""

    since: datetime | None
    until: datetime | None
    count: int

    @property
    def lookups(self) -> dict[str, datetime]:
        """What finds its requests."""
        bounds = {"created_at__gte": self.since, "created_at__lt": self.until}
        return {lookup: bound for lookup, bound in bounds.items() if bound is not None}


@dataclass(frozen=True, slots=True)
class Figures:
    """How many requests there are; a number that equals the cap stands for so many or more."""

    waiting: int
    ages: list[AgeGroup]
    own: int
    approved: int
    rejected: int


def request_figures(*, actor: Actor, now: datetime, decided_since: datetime, most: int) -> Figures:
    """The requests that a member sees: those that wait, by age, its own among them, and what was decided lately.

    One statement, which reads no more than `most` entries of an index for each number.
    """
    visible = ChangeRequest.objects.visible_to(actor)
    waiting = visible.filter(status=Status.PENDING)
    edges = [None, *(now - age for age in AGES), None]
    ages = [AgeGroup(since, until, 0) for until, since in pairwise(edges)]
    counts = capped_counts(
        actor=actor,
        rows={
            "waiting": waiting,
            "own": waiting.filter(initiator_member=actor.member_id),
            "approved": visible.filter(status=Status.APPROVED, reviewed_at__gte=decided_since),
            "rejected": visible.filter(status=Status.REJECTED, reviewed_at__gte=decided_since),
            **{f"age_{number}": waiting.filter(Q(**age.lookups)) for number, age in enumerate(ages)},
        },
        most=most,
    )
    return Figures(
        waiting=counts["waiting"],
        ages=[AgeGroup(age.since, age.until, counts[f"age_{number}"]) for number, age in enumerate(ages)],
        own=counts["own"],
        approved=counts["approved"],
        rejected=counts["rejected"],
    )


def start_of_week(moment: datetime) -> datetime:
    """Monday's midnight, where the reader is."""
    today = timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today.weekday())


def oldest_waiting(*, actor: Actor, waiting: int, limit: int) -> list[ChangeRequest]:
    """Of the visible requests that wait, `waiting` in number, those that have waited longest, with their people."""
    visible = ChangeRequest.objects.visible_to(actor).filter(status=Status.PENDING).order_by("created_at", "id")
    oldest = ChangeRequest.objects.filter(pk__in=keys_in_order(visible, total=waiting, start=0, stop=limit))
    return list(oldest.as_row().order_by("created_at", "id"))
