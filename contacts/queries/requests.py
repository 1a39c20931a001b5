"""Choosing change requests about contacts."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from accounts.actor import Actor
from accounts.models import Member
from accounts.queries import hierarchy_of
from changerequests.models import ChangeRequest, ChangeRequestQuerySet, Status
from contacts.models import CONTACT_DETAILS, Contact
from core.search import changes_at

_REQUEST_FILTERS = {
    "statusId": "status",
    "createDateFrom": "created_at__gte",
    "createDateTo": "created_at__lte",
    "initiatorMemberIds": "initiator_member__in",
    "initiatorMemberUids": "initiator_member__uid__in",
    "reviewDateFrom": "reviewed_at__gte",
    "reviewDateTo": "reviewed_at__lte",
    "reviewMemberIds": "review_member__in",
    "reviewMemberUids": "review_member__uid__in",
}


def detail_requests() -> ChangeRequestQuerySet:
    """Return the requests about the details of one contact."""
    return ChangeRequest.objects.of_kind(CONTACT_DETAILS).filter(subject_id__isnull=False)


def searched_requests(
    *, actor: Actor, criteria: Mapping[str, Any], member: Member | None = None
) -> QuerySet[ChangeRequest]:
    """Return the visible requests that meet all criteria; a path also matches everything below it.

    A contact's requests include those about contacts that were merged into it.
    With `member`, only requests about contacts that this member can see too.
    """
    exclude_hierarchy = criteria["excludeHierarchy"]
    requests = Contact.objects.narrowed_to_visible(
        detail_requests(), actor, column="subject_id", exclude_hierarchy=exclude_hierarchy
    )
    if member is not None and not member.sees_all_contacts:
        contacts = Contact.objects.assigned_to([member.pk] if exclude_hierarchy else hierarchy_of(member.pk))
        requests = requests.filter(subject_id__in=contacts)
    if criteria.get("statusId") == Status.PENDING:
        # A returned request waits for its initiator; for the contract it is pending.
        requests = requests.open()
        criteria = {**criteria, "statusId": None}
    if (contact_ids := criteria.get("contactIds")) is not None:
        requests = requests.filter(subject_id__in=Contact.objects.same_as(contact_ids).order_by().values("pk"))
    lookups = {lookup: criteria[name] for name, lookup in _REQUEST_FILTERS.items() if criteria.get(name) is not None}
    if criteria["paths"] is not None:
        requests = requests.filter(changes_at(criteria["paths"]))
    return requests.filter(**lookups)
