"""Contacts by the numbers of their groups: external ids, and accounts and other entities that are linked."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from contactgroups.models import ContactGroup, GroupMembership, LinkedEntity
from core.search import id_in


def contacts_by_group(text: str) -> Mapping[str, QuerySet[Any, Any]]:
    """Return queries for the ids of contacts in a group that the text is the number of, by the path of the number."""
    named = ContactGroup.objects.filter(external_id__iexact=text)
    found = {"contactGroups.externalId": _members(named.order_by().values("pk"))}
    if (number := id_in(text)) is not None:
        links = LinkedEntity.objects.filter(entity_id=number).order_by()
        found["contactGroups.linkedEntities"] = _members(links.values("group"))
    return found


def _members(group_ids: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    return GroupMembership.objects.filter(group__in=group_ids).order_by().values("contact")
