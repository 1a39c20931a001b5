"""Linking entities to groups. Linking and unlinking require the lock of the group."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.actor import Actor
from contactgroups.models import ContactGroup, EntityType, LinkedEntity
from contactgroups.queries import locked_group
from core.errors import UnprocessableEntity, map_integrity_error
from core.serializers import INT32_MAX

ENTITY_ONCE = "entity_in_one_group"
BATCH = 1_000

Entity = tuple[str, int]


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
    """The number of links added, and of rows whose link already existed or was repeated in the file."""

    added: int
    present: int


@transaction.atomic
def link_entity(*, actor: Actor, group: ContactGroup, entity_type: EntityType, entity_id: int) -> LinkedEntity:
    """Link an entity to a group. Idempotent. Locks the group.

    Raises NotFound if the group was deleted or the actor cannot see it; UnprocessableEntity `EntityAlreadyLinked` if
    the entity is linked to another group.
    """
    locked = locked_group(actor=actor, group_id=group.pk)
    link = LinkedEntity.objects.filter(entity_type=entity_type, entity_id=entity_id).first()
    if link is None:
        with map_integrity_error(ENTITY_ONCE, _already_linked(entity_type, entity_id)):
            return LinkedEntity.objects.create(group=locked, entity_type=entity_type, entity_id=entity_id)
    if link.group_id != locked.pk:
        raise _already_linked(entity_type, entity_id)
    return link


@transaction.atomic
def unlink_entity(*, actor: Actor, link: LinkedEntity) -> None:
    """Unlink an entity from its group. Locks the group.

    Raises NotFound like `link_entity`; UnprocessableEntity `LegalEntityStays` for a legal entity, whose link is
    permanent.
    """
    locked_group(actor=actor, group_id=link.group_id)
    if link.entity_type == EntityType.LEGAL_ENTITY:
        raise UnprocessableEntity(_("A legal entity cannot be taken out of its group."), sub_code="LegalEntityStays")
    link.delete()


@transaction.atomic
def link_entities(*, actor: Actor, rows: Sequence[LinkRow], is_dry_run: bool = False) -> LinkOutcome:
    """Link all given entities of other systems, or none. Existing links are unchanged; a dry run writes nothing.

    Locks the groups by id. Raises UnprocessableEntity: `InvalidLinks` with all faults by line, and
    `EntityAlreadyLinked` if another transaction links one of the entities at the same time.
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
    missing = [
        LinkedEntity(group_id=group_id, entity_type=entity[0], entity_id=entity[1])
        for entity, (_line, group_id) in asked.items()
        if entity not in present
    ]
    if not is_dry_run:
        raced = UnprocessableEntity(
            _("Somebody linked one of these entities at the same time. Nothing was linked; try again."),
            sub_code="EntityAlreadyLinked",
        )
        with map_integrity_error(ENTITY_ONCE, raced):
            LinkedEntity.objects.bulk_create(missing, batch_size=BATCH)
    return LinkOutcome(added=len(missing), present=len(rows) - len(missing))


def _place(row: LinkRow) -> str:
    return f"line {row.line}"


def _number(text: str) -> int | None:
    """Return the text as a positive int32, or None if it is not one."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= 10
    return int(text) if is_number and 1 <= int(text) <= INT32_MAX else None


@dataclass(frozen=True)
class _Groups:
    """The locked groups that the rows name."""

    ids: frozenset[int]
    by_external_id: Mapping[str, int]


def _groups_named(actor: Actor, rows: Sequence[LinkRow]) -> _Groups:
    ids = {number for row in rows if (number := _number(row.group_id)) is not None}
    external_ids = {row.group_external_id for row in rows if row.group_external_id}
    groups = ContactGroup.objects.visible_to(actor).filter(Q(pk__in=ids) | Q(external_id__in=external_ids))
    found = list(groups.select_for_update(of=("self",)).order_by("pk").values_list("pk", "external_id"))
    return _Groups(
        ids=frozenset(pk for pk, _external_id in found),
        by_external_id={external_id: pk for pk, external_id in found if external_id is not None},
    )


def _group_of(row: LinkRow, groups: _Groups, faults: dict[str, list[str]]) -> int | None:
    if bool(row.group_id) == bool(row.group_external_id):
        faults[_place(row)].append(_("Name the group by groupId or by groupExternalId, one of the two."))
        return None
    if row.group_external_id:
        group_id = groups.by_external_id.get(row.group_external_id)
    else:
        number = _number(row.group_id)
        group_id = number if number in groups.ids else None
    if group_id is None:
        named = row.group_id or row.group_external_id
        faults[_place(row)].append(_("There is no group “%(group)s”.") % {"group": named[:80]})
    return group_id


def _entity_of(row: LinkRow, faults: dict[str, list[str]]) -> Entity | None:
    types = [kind.value for kind in EntityType if kind is not EntityType.LEGAL_ENTITY]
    number = _number(row.entity_id)
    if row.entity_type == EntityType.LEGAL_ENTITY:
        faults[_place(row)].append(_("Legal entities live here: they are linked when they are created."))
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


def _already_linked(entity_type: str, entity_id: int) -> UnprocessableEntity:
    return UnprocessableEntity(
        _("%(type)s %(id)s is linked to another group already.") % {"type": entity_type, "id": entity_id},
        sub_code="EntityAlreadyLinked",
    )
