"""Linking the entities of a file to groups, all at once or as one change request."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.actor import Actor
from audit import entries
from changerequests.models import ChangeRequest
from changerequests.services.submitting import request_of_many_if_required
from contactgroups.documents import EXTERNAL_ID, Entity, link_path
from contactgroups.models import CONTACT_GROUP, ContactGroup, EntityType, LinkedEntity
from contactgroups.services.writing import write_links
from contactgroups.subjects import LockedGroup, locked_groups
from core.documents import Change
from core.errors import UnprocessableEntity
from core.serializers import INT32_MAX


@dataclass(frozen=True)
class LinkRow:
    """An unvalidated line of a link file. It names the group by id or by external id."""

    line: int
    entity_type: str
    entity_id: str
    group_id: str = ""
    group_external_id: str = ""


@dataclass(frozen=True)
class LinkOutcome:
    """The number of links added, and of rows whose link already existed or was repeated in the file.

    With a request, the links are added once it is approved.
    """

    added: int
    present: int
    change_request: ChangeRequest | None = None


@transaction.atomic
def link_entities(*, actor: Actor, rows: Sequence[LinkRow], is_dry_run: bool = False) -> LinkOutcome:
    """Link all given entities of other systems, or none, unless it waits; a request is about all their groups.

    Existing links are unchanged; a dry run writes nothing. Locks the groups by id. Raises UnprocessableEntity:
    `InvalidLinks` with all faults by line, `EntityAlreadyLinked` if another transaction links one of the entities at
    the same time, and `PendingChangeRequestExists`.
    """
    faults: dict[str, list[str]] = defaultdict(list)
    groups = _groups_named(actor, rows)
    asked: dict[Entity, tuple[int, int]] = {}
    for row in rows:
        group_id = _group_of(row, groups, faults)
        entity = _entity_of(row, faults)
        if group_id is None or entity is None:
            continue
        first_line, first_group = asked.setdefault(entity, (row.line, group_id))
        if first_group != group_id:
            faults[_place(row)].append(_("Line %(line)s links the entity to another group.") % {"line": first_line})
    present = _groups_of_entities(asked)
    for entity, (line, group_id) in asked.items():
        if present.get(entity, group_id) != group_id:
            faults[f"line {line}"].append(_("The entity is linked to another group already."))
    if faults:
        raise UnprocessableEntity(_("Nothing was linked."), sub_code="InvalidLinks", properties=faults)
    missing: dict[int, list[Change]] = defaultdict(list)
    for entity, (_line, group_id) in asked.items():
        if entity not in present:
            missing[group_id].append(Change(link_path(entity), None, True))
    added = sum(map(len, missing.values()))
    request = None if is_dry_run else _link(actor, groups.by_id, missing)
    return LinkOutcome(added=added, present=len(rows) - added, change_request=request)


def _link(
    actor: Actor, groups: Mapping[int, LockedGroup], changes: Mapping[int, Sequence[Change]]
) -> ChangeRequest | None:
    """Link the entities of locked groups, or return the request about all these groups that this waits for."""
    request = request_of_many_if_required(kind=CONTACT_GROUP, subjects=groups, changes=changes, actor=actor)
    if request is None:
        write_links(changes)
        entries.append_all(kind=CONTACT_GROUP, actor=actor, changes=changes)
    return request


def _place(row: LinkRow) -> str:
    return f"line {row.line}"


def _number(text: str) -> int | None:
    """Return the text as a positive int32, or None if it is not one."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= 10
    return int(text) if is_number and 1 <= int(text) <= INT32_MAX else None


@dataclass(frozen=True)
class _Groups:
    """The locked groups that the rows name."""

    by_id: Mapping[int, LockedGroup]
    by_external_id: Mapping[str, int]


def _groups_named(actor: Actor, rows: Sequence[LinkRow]) -> _Groups:
    ids = {number for row in rows if (number := _number(row.group_id)) is not None}
    external_ids = {row.group_external_id for row in rows if row.group_external_id}
    found = locked_groups(
        ContactGroup.objects.visible_to(actor).filter(Q(pk__in=ids) | Q(external_id__in=external_ids))
    )
    return _Groups(
        by_id=found,
        by_external_id={external_id: pk for pk, one in found.items() if (external_id := one.document.get(EXTERNAL_ID))},
    )


def _group_of(row: LinkRow, groups: _Groups, faults: dict[str, list[str]]) -> int | None:
    if bool(row.group_id) == bool(row.group_external_id):
        faults[_place(row)].append(_("Name the group by groupId or by groupExternalId, one of the two."))
        return None
    if row.group_external_id:
        group_id = groups.by_external_id.get(row.group_external_id)
    else:
        number = _number(row.group_id)
        group_id = number if number in groups.by_id else None
    if group_id is None:
        named = row.group_id or row.group_external_id
        faults[_place(row)].append(_("There is no group “%(group)s”.") % {"group": named[:80]})
    return group_id


def _entity_of(row: LinkRow, faults: dict[str, list[str]]) -> Entity | None:
    types = [kind.value for kind in EntityType if kind is not EntityType.LEGAL_ENTITY]
    number = _number(row.entity_id)
    if row.entity_type == EntityType.LEGAL_ENTITY:
        faults[_place(row)].append(_("Legal entities are kept in Kontor: they are linked when they are created."))
    elif row.entity_type not in types:
        expected = _("Expected one of: %(known)s.") % {"known": ", ".join(types)}
        faults[_place(row)].append(f"entityType “{row.entity_type[:80]}”. {expected}")
    if number is None:
        expected = _("Expected a whole number from 1 to %(most)s.") % {"most": INT32_MAX}
        faults[_place(row)].append(f"entityId “{row.entity_id[:80]}”. {expected}")
    return (row.entity_type, number) if row.entity_type in types and number is not None else None


def _groups_of_entities(asked: Mapping[Entity, object]) -> dict[Entity, int]:
    """Return the group id of each entity that is linked."""
    by_type: dict[str, list[int]] = defaultdict(list)
    for entity_type, entity_id in asked:
        by_type[entity_type].append(entity_id)
    return {
        (link.entity_type, link.entity_id): link.group_id
        for entity_type, entity_ids in by_type.items()
        for link in LinkedEntity.objects.filter(entity_type=entity_type, entity_id__in=entity_ids)
    }
