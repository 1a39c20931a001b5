"""Visibility of legal entities. Every query on behalf of an actor starts from `visible_to` (docs/architecture.md)."""

from typing import TYPE_CHECKING, Self

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from accounts.actor import Actor
from contactgroups.models import ContactGroup, EntityType, GroupMembership, LinkedEntity

if TYPE_CHECKING:
    from legalentities.models import LegalEntity  # noqa: F401 - named in quotes below


def link_of_row() -> QuerySet[LinkedEntity]:
    """Return the link of the legal entity in the outer query: a single lookup in the unique index of links."""
    links = LinkedEntity.objects.filter(entity_type=EntityType.LEGAL_ENTITY, entity_id=OuterRef("pk"))
    return links.order_by()


class LegalEntityQuerySet(QuerySet["LegalEntity"]):
    def visible_to(self, actor: Actor) -> Self:
        """Filter to legal entities of groups that the actor sees; no filter if it sees all groups."""
        groups = ContactGroup.objects.visible_to(actor)
        if not groups.query.where:
            return self
        return self.filter(Exists(link_of_row().filter(group__in=groups)))

    def of_contact(self, contact_id: int) -> Self:
        """Filter to legal entities of the contact's groups."""
        memberships = GroupMembership.objects.filter(contact=contact_id)
        return self.filter(Exists(link_of_row().filter(group__in=memberships.values("group"))))

    def with_group(self) -> Self:
        """Annotate `group_id`."""
        return self.annotate(group_id=Subquery(link_of_row().values("group_id")))
