"""A contact group as a document with paths, for change requests and the ledger. Pure.

    {"id": 7, "name": "Family", "externalId": "G-1", "customAttributes": "...",
     "members": {"17": 3}, "linkedEntities": {"Account": {"4711": true}}}

Each contact and each linked entity has a path of its own: `members.17` is the id of the contact's access policy. The
document of a group that does not exist is empty, so creating and deleting a group are changes like all others.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from core.documents import Change, is_same, value_at

ID, MEMBERS, LINKS = "id", "members", "linkedEntities"
EXTERNAL_ID = "externalId"
# The columns of the texts by their paths.
TEXTS = {"name": "name", EXTERNAL_ID: "external_id", "customAttributes": "custom_attributes"}

# The type and the id of an entity of another system, or of a legal entity.
Entity = tuple[str, int]


def member_path(contact_id: int) -> str:
    return f"{MEMBERS}.{contact_id}"


def link_path(entity: Entity) -> str:
    return f"{LINKS}.{entity[0]}.{entity[1]}"


def contact_at(path: str) -> int | None:
    """Return the id of the contact whose membership a path is, or None."""
    first, _dot, contact_id = path.partition(".")
    return int(contact_id) if first == MEMBERS and contact_id else None


def contacts_at(paths: Iterable[str]) -> set[int]:
    """Return the ids of the contacts whose memberships are at these paths."""
    return {pk for path in paths if (pk := contact_at(path)) is not None}


def membership_changes(changes: Iterable[Change]) -> Iterator[tuple[int, Change]]:
    """Yield the changes of memberships, each with the id of its contact."""
    for change in changes:
        contact_id = contact_at(change.path)
        if contact_id is not None:
            yield contact_id, change


def link_changes(changes: Iterable[Change]) -> Iterator[tuple[Entity, Change]]:
    """Yield the changes of linked entities, each with its entity."""
    for change in changes:
        first, *entity = change.path.split(".")
        if first == LINKS:
            yield (entity[0], int(entity[1])), change


def changes_to(document: Mapping[str, Any], values: Mapping[str, Any]) -> list[Change]:
    """Return the changes that give a document these values by path."""
    return [
        Change(path, original, target)
        for path, target in values.items()
        if not is_same(original := value_at(document, path), target)
    ]
