from contactgroups.services.groups import (
    GroupTexts,
    Membership,
    change_group,
    create_group,
    delete_group,
    erase_groups,
)
from contactgroups.services.links import LinkOutcome, LinkRow, link_entities, link_entity, unlink_entity

__all__ = [
    "GroupTexts",
    "LinkOutcome",
    "LinkRow",
    "Membership",
    "change_group",
    "create_group",
    "delete_group",
    "erase_groups",
    "link_entities",
    "link_entity",
    "unlink_entity",
]
