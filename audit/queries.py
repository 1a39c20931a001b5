"""Reading the ledger."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from audit.models import Entry
from core.search import changes_at


def searched_entries(*, kind: str, subject_id: int, criteria: Mapping[str, Any]) -> QuerySet[Entry]:
    """Return a subject's entries that meet all criteria; a path also matches everything below it.

    `initiatorPersonIds` and `initiatorPersonUids` match the member or contact who made the changes.
    """
    entries = Entry.objects.of(kind, subject_id)
    if (ids := criteria.get("initiatorPersonIds")) is not None:
        entries = entries.filter(Q(initiator_member__in=ids) | Q(initiator_contact__in=ids))
    if (uids := criteria.get("initiatorPersonUids")) is not None:
        entries = entries.filter(Q(initiator_member__uid__in=uids) | Q(initiator_contact__uid__in=uids))
    if (start := criteria["executionDateFrom"]) is not None:
        entries = entries.filter(recorded_at__gte=start)
    if (end := criteria["executionDateTo"]) is not None:
        entries = entries.filter(recorded_at__lte=end)
    if (paths := criteria["paths"]) is not None:
        entries = entries.filter(changes_at(paths))
    return entries


def latest_entries(*, kind: str, subject_id: int, limit: int | None = None, path: str | None = None) -> QuerySet[Entry]:
    """Return a subject's entries and who made them, latest first; with `path`, only changes to it or below it."""
    entries = Entry.objects.of(kind, subject_id).with_people().select_related("initiator_application")
    entries = entries.order_by("-sequence")
    if path is not None:
        entries = entries.filter(paths__contains=[path])
    return entries[:limit]


def entries_since(*, kind: str, subject_id: int, after: int, until: int) -> list[Entry]:
    """Return the entries after one sequence up to and including another, latest first, and who made them."""
    entries = latest_entries(kind=kind, subject_id=subject_id)
    return list(entries.filter(sequence__gt=after, sequence__lte=until))
