from contactgroups.services.erasing import erase_groups
from contactgroups.services.groups import (
    GroupTexts,
    Membership,
    NewGroup,
    change_group,
    checked_memberships,
    create_group,
    create_group_of_entity,
    delete_group,
)
from contactgroups.services.links import LinkOutcome, LinkRow, link_entities

__all__ = [
    "GroupTexts",
    "LinkOutcome",
    "LinkRow",
    "Membership",
    "NewGroup",
    "change_group",
    "checked_memberships",
    "create_group",
    "create_group_of_entity",
    "delete_group",
    "erase_groups",
    "link_entities",
]
