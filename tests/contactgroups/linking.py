"""Linking one entity, for tests."""

from accounts.actor import Actor, system_actor
from contactgroups.models import ContactGroup, LinkedEntity
from contactgroups.services import change_group

TESTS = system_actor("tests")


def link_entity(group: ContactGroup, entity_type: str, entity_id: int, *, actor: Actor = TESTS) -> LinkedEntity:
    """Link the entity to the group at once; return the link."""
    change_group(actor=actor, group_id=group.pk, linked=[(entity_type, entity_id)])
    return LinkedEntity.objects.get(entity_type=entity_type, entity_id=entity_id)
