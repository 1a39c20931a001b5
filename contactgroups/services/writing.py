"""Writing changes of a locked group: the only place that does, whether they were approved or take effect at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.actor import Actor
from audit import entries
from changerequests.models import ChangeRequest
from changerequests.services.names import request_asking_for
from changerequests.services.submitting import approved_by
from changerequests.services.withdrawing import cancel_open_request
from contactgroups.documents import (
    EXTERNAL_ID,
    ID,
    TEXTS,
    Entity,
    contact_at,
    link_changes,
    membership_changes,
)
from contactgroups.models import (
    ACCESS_POLICIES,
    CONTACT_GROUP,
    MAX_EXTERNAL_ID,
    MAX_NAME,
    ContactGroup,
    EntityType,
    GroupMembership,
    LinkedEntity,
)
from contactgroups.subjects import LockedGroup, lock_contacts
from core.documents import Change, with_values
from core.errors import UnprocessableEntity, map_integrity_error
from core.text import checked_line
from schemas.models import ListItem

EXTERNAL_ID_UNIQUE = "group_external_id_unique"
ENTITY_ONCE = "entity_in_one_group"
BATCH = 1_000
# The longest text at each path that is on one line.
_LINES = {"name": MAX_NAME, EXTERNAL_ID: MAX_EXTERNAL_ID}


def texts_in_form(texts: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the texts of a group, by path, in their one form; attributes stay as they are, and an empty text is null.

    Raises UnprocessableEntity `ValidationFailed`.
    """
    return {
        path: (checked_line(text, path=path, most=_LINES[path]) if text and path in _LINES else text) or None
        for path, text in texts.items()
    }


def check_group(locked: LockedGroup, changes: Sequence[Change]) -> None:
    """Raise UnprocessableEntity unless a locked group can be changed so.

    `GroupHasEntities`, so that nobody loses access with the group; `ExternalIdNotUnique`, also for one that an open
    request asks for; `EntityAlreadyLinked`; `LegalEntityStays`.
    """
    for change in changes:
        if change.path == ID and change.target is None:
            _check_deletable(locked)
        elif change.path == EXTERNAL_ID and change.target is not None:
            _check_external_id_free(locked, change.target)
    linked = [entity for entity, change in link_changes(changes) if change.target]
    for entity_type, ids in _by_type(linked).items():
        found = LinkedEntity.objects.filter(entity_type=entity_type, entity_id__in=ids).exclude(group=locked.id)
        if (other := found.first()) is not None:
            raise already_linked((other.entity_type, other.entity_id))
    if any(entity[0] == EntityType.LEGAL_ENTITY and not change.target for entity, change in link_changes(changes)):
        raise UnprocessableEntity(_("A legal entity cannot be taken out of its group."), sub_code="LegalEntityStays")


def approved_changes(locked: LockedGroup, changes: Sequence[Change]) -> list[Change]:
    """Return the approved changes that are still possible: contacts anonymized since then do not join.

    Locks the contacts. Raises UnprocessableEntity: `ContactAnonymized` if nothing else is left; `ContactMerged`;
    `UnknownAccessPolicies` for a policy removed since then, and what `check_group` raises.
    """
    memberships = [(contact_id, change) for contact_id, change in membership_changes(changes) if change.target]
    contacts = lock_contacts(contact_id for contact_id, change in memberships if change.original is None)
    merged = [pk for pk, contact in contacts.items() if contact.merged_into_id is not None]
    if merged:
        raise contacts_merged(merged)
    gone = {pk for pk, contact in contacts.items() if contact.anonymized_at is not None}
    kept = [change for change in changes if change.original is not None or contact_at(change.path) not in gone]
    if not kept:
        raise contacts_anonymized(gone)
    check_policies({change.path: change.target for _contact_id, change in memberships})
    check_group(locked, kept)
    return kept


def check_policies(policies: Mapping[str, int]) -> None:
    """Raise UnprocessableEntity `UnknownAccessPolicies` unless these access policies, by their places, exist."""
    items = ListItem.objects.filter(list__key=ACCESS_POLICIES, pk__in=set(policies.values()))
    known = set(items.values_list("pk", flat=True))
    message = _("Expected the id of an item of the list %(list)s.") % {"list": ACCESS_POLICIES}
    faults = {place: [message] for place, policy in policies.items() if policy not in known}
    if faults:
        raise UnprocessableEntity(
            _("Some access policies do not exist."), sub_code="UnknownAccessPolicies", properties=faults
        )


@transaction.atomic
def write_group(
    *,
    actor: Actor,
    locked: LockedGroup,
    changes: Sequence[Change],
    request: ChangeRequest | None = None,
    initiator: Mapping[str, Any] | None = None,
) -> None:
    """Create, change or delete a locked group, and write the entry; `check_group` must allow the changes.

    The entry names `initiator`, in its columns, instead of the actor. A deleted group's open request is cancelled.
    Raises UnprocessableEntity: `ExternalIdNotUnique`, `EntityAlreadyLinked`.
    """
    if ID in with_values(locked.document, {change.path: change.target for change in changes}):
        group = locked.row or ContactGroup(pk=locked.id)
        _write_texts(group, changes, is_new=locked.row is None)
        _write_memberships(group, changes)
        write_links({group.pk: changes})
    elif locked.row is not None:
        cancel_open_request(kind=CONTACT_GROUP, subject_id=locked.id)
        locked.row.delete()
    recorded = {"initiator": initiator, **approved_by(request)}
    entries.append(kind=CONTACT_GROUP, subject_id=locked.id, actor=actor, changes=changes, **recorded)


def _write_texts(group: ContactGroup, changes: Iterable[Change], *, is_new: bool) -> None:
    texts = {TEXTS[change.path]: change.target for change in changes if change.path in TEXTS}
    for column, text in texts.items():
        setattr(group, column, text)
    with map_integrity_error(EXTERNAL_ID_UNIQUE, external_id_not_unique()):
        if is_new:
            group.save(force_insert=True)
        elif texts:
            group.save(update_fields=list(texts))


def _write_memberships(group: ContactGroup, changes: Iterable[Change]) -> None:
    new: list[GroupMembership] = []
    changed: dict[int, list[int]] = defaultdict(list)
    dropped: list[int] = []
    for contact_id, change in membership_changes(changes):
        if change.target is None:
            dropped.append(contact_id)
        elif change.original is None:
            new.append(GroupMembership(group=group, contact_id=contact_id, access_policy_id=change.target))
        else:
            changed[change.target].append(contact_id)
    group.memberships.filter(contact__in=dropped).delete()
    for policy_id, contact_ids in changed.items():
        group.memberships.filter(contact__in=contact_ids).update(access_policy=policy_id)
    GroupMembership.objects.bulk_create(new)


def write_links(changes: Mapping[int, Sequence[Change]]) -> None:
    """Link and unlink entities of locked groups, by id. Raises UnprocessableEntity `EntityAlreadyLinked`."""
    new: list[LinkedEntity] = []
    for group_id, found in changes.items():
        links = list(link_changes(found))
        for entity_type, ids in _by_type(entity for entity, change in links if not change.target).items():
            LinkedEntity.objects.filter(group=group_id, entity_type=entity_type, entity_id__in=ids).delete()
        new += [
            LinkedEntity(group_id=group_id, entity_type=entity_type, entity_id=entity_id)
            for (entity_type, entity_id), change in links
            if change.target
        ]
    only = (new[0].entity_type, new[0].entity_id) if len(new) == 1 else None
    with map_integrity_error(ENTITY_ONCE, already_linked(only)):
        LinkedEntity.objects.bulk_create(new, batch_size=BATCH)


def _by_type(entities: Iterable[Entity]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for entity_type, entity_id in entities:
        found[entity_type].append(entity_id)
    return found


def _check_deletable(locked: LockedGroup) -> None:
    linked = 0 if locked.row is None else locked.row.linked_entities.count()
    if linked:
        raise UnprocessableEntity(
            ngettext(
                "The group has %(count)s linked entity, which has to be unlinked first.",
                "The group has %(count)s linked entities, which have to be unlinked first.",
                linked,
            )
            % {"count": linked},
            sub_code="GroupHasEntities",
        )


def _check_external_id_free(locked: LockedGroup, external_id: str) -> None:
    change_request_id = request_asking_for(kind=CONTACT_GROUP, path=EXTERNAL_ID, name=external_id, but_of=locked.id)
    if ContactGroup.objects.filter(external_id=external_id).exclude(pk=locked.id).exists():
        raise external_id_not_unique()
    if change_request_id is not None:
        raise external_id_not_unique(change_request_id)


def external_id_not_unique(change_request_id: int | None = None) -> UnprocessableEntity:
    """Return the error that a group has an external id, or that a request asks for it."""
    text = _("A group has this external id already.")
    if change_request_id is not None:
        text = _("Change request %(id)s already requests a group with this external id.") % {"id": change_request_id}
    return UnprocessableEntity(text, sub_code="ExternalIdNotUnique", properties={"groupExternalId": [text]})


def contacts_anonymized(contact_ids: Iterable[int]) -> UnprocessableEntity:
    return UnprocessableEntity(
        _("These contacts were anonymized and cannot join a group any more: %(ids)s.")
        % {"ids": ", ".join(map(str, sorted(contact_ids)))},
        sub_code="ContactAnonymized",
    )


def contacts_merged(contact_ids: Iterable[int]) -> UnprocessableEntity:
    return UnprocessableEntity(
        _("These contacts were merged into others since this was requested: %(ids)s. Submit the request again.")
        % {"ids": ", ".join(map(str, sorted(contact_ids)))},
        sub_code="ContactMerged",
    )


def already_linked(entity: Entity | None = None) -> UnprocessableEntity:
    """Return the error that an entity is in another group, if it is known which."""
    text = _("An entity was linked to another group in the meantime.")
    if entity is not None:
        text = _("%(type)s %(id)s is linked to another group already.") % {"type": entity[0], "id": entity[1]}
    return UnprocessableEntity(text, sub_code="EntityAlreadyLinked")
