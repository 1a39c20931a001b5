"""Choosing the change sets of a contact."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from contacts.models import ChangeSet, Contact


def change_history(*, contact_id: int, criteria: Mapping[str, Any]) -> QuerySet[ChangeSet]:
    """Return a contact's change sets that meet all criteria; a path also matches everything below it.

    `initiatorPersonIds` and `initiatorPersonUids` match the member or contact who made the changes.
    """
    history = ChangeSet.objects.filter(contact_id=contact_id)
    if (ids := criteria.get("initiatorPersonIds")) is not None:
        history = history.filter(Q(initiator_member__in=ids) | Q(initiator_contact__in=ids))
    if (uids := criteria.get("initiatorPersonUids")) is not None:
        history = history.filter(Q(initiator_member__uid__in=uids) | Q(initiator_contact__uid__in=uids))
    if (start := criteria["executionDateFrom"]) is not None:
        history = history.filter(executed_at__gte=start)
    if (end := criteria["executionDateTo"]) is not None:
        history = history.filter(executed_at__lte=end)
    if (paths := criteria["paths"]) is not None:
        history = history.filter(paths__overlap=paths)
    return history


def with_initiators(history: QuerySet[ChangeSet]) -> QuerySet[ChangeSet]:
    """Select the member or contact who made each change set."""
    return history.select_related("initiator_member__user", "initiator_contact").defer("initiator_contact__details")


def latest_change_sets(*, contact_id: int, limit: int | None = None, path: str | None = None) -> QuerySet[ChangeSet]:
    """Return a contact's change sets and initiators, latest first; with `path`, only changes to it or below it."""
    history = ChangeSet.objects.filter(contact_id=contact_id).order_by("-version")
    if path is not None:
        history = history.filter(paths__contains=[path])
    people = history.select_related("initiator_member__user", "initiator_contact", "initiator_application")
    return people.defer("initiator_contact__details")[:limit]


def latest_history(*, contact_id: int, limit: int | None = None, path: str | None = None) -> QuerySet[ChangeSet]:
    """Like `latest_change_sets`, with the change request behind each change set, if any, and its reviewer."""
    history = latest_change_sets(contact_id=contact_id, limit=limit, path=path)
    return history.select_related("change_request__review_member__user").defer(
        "initiator_contact__details", "change_request__changes", "change_request__paths"
    )


def changed_since(contact: Contact, version: int) -> list[ChangeSet]:
    """Return the change sets after `version` up to the version that was read, latest first."""
    later = latest_change_sets(contact_id=contact.pk)
    return list(later.filter(version__gt=version, version__lte=contact.version))
