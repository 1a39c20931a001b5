"""Creating, changing and deleting contact groups: at once, or as a change request where the policy says so.

Lock order: contacts by id, then the group.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.models import ChangeRequest
from changerequests.services.submitting import request_if_required
from contactgroups.documents import ID, TEXTS, Entity, changes_to, link_path, member_path
from contactgroups.models import ACCESS_POLICIES, CONTACT_GROUP, OWNER, GroupMembership
from contactgroups.queries import visible_group
from contactgroups.services.writing import (
    check_group,
    check_policies,
    contacts_anonymized,
    texts_in_form,
    write_group,
)
from contactgroups.subjects import LockedGroup, locked_group, new_group
from contacts.models import Contact
from contacts.queries.contacts import answering_ids, check_visible
from core.documents import Change, changes_between
from core.errors import UnprocessableEntity
from schemas.models import ListItem


@dataclass(frozen=True)
class Membership:
    """A requested membership: the contact, and the id of an item of the list `access-policy`."""

    contact_id: int
    access_policy_id: int


class GroupTexts(TypedDict, total=False):
    """Changes to a group's texts. None or an empty text clears a text; absent ones are unchanged."""

    name: str | None
    external_id: str | None
    custom_attributes: str | None


@dataclass(frozen=True, slots=True)
class NewGroup:
    """The id of a new group, and the request that it waits for; until that is approved there is no group."""

    id: int
    change_request: ChangeRequest | None = None


@transaction.atomic
def create_group(
    *,
    actor: Actor,
    memberships: Sequence[Membership],
    include_contact_id: int | None = None,
    linked: Collection[Entity] = (),
    **texts: Unpack[GroupTexts],
) -> NewGroup:
    """Create a group with these contacts and entities, unless it waits. Locks the contacts.

    Adds `include_contact_id` as owner, unless `memberships` names it with another policy. Raises NotFound if the actor
    cannot see that contact; UnprocessableEntity: DuplicateContact, UnknownContacts, ContactAnonymized,
    UnknownAccessPolicies, ExternalIdNotUnique, EntityAlreadyLinked, and ContactsRequired if the actor does not see all
    contacts and names none, since it could not see the new group.
    """
    locked, changes = _planned_group(actor, memberships, include_contact_id, _values(texts, linked=linked))
    return NewGroup(locked.id, _submit(actor, locked, changes))


@transaction.atomic
def create_group_of_entity(
    *,
    actor: Actor,
    memberships: Sequence[Membership],
    include_contact_id: int | None,
    entity: Entity,
    initiator: Mapping[str, Any] | None = None,
) -> int:
    """Create the group of a new entity at once, as part of creating that; return its id.

    `initiator` is who asked for the entity, if somebody else had to approve it, in the columns of an entry. Locks and
    raises like `create_group`.
    """
    locked, changes = _planned_group(actor, memberships, include_contact_id, _values({}, linked=[entity]))
    check_group(locked, changes)
    write_group(actor=actor, locked=locked, changes=changes, initiator=initiator)
    return locked.id


@transaction.atomic
def change_group(
    *,
    actor: Actor,
    group_id: int,
    memberships: Sequence[Membership] | None = None,
    linked: Collection[Entity] = (),
    unlinked: Collection[Entity] = (),
    **texts: Unpack[GroupTexts],
) -> ChangeRequest | None:
    """Change the given texts, link and unlink entities and, unless `memberships` is None, replace the members.

    Returns the request if this waits. Locks the contacts, then the group. Members that the actor cannot see stay in
    the group; what is as wanted already is left out. Raises NotFound; UnprocessableEntity: DuplicateContact,
    UnknownContacts, ContactAnonymized for an anonymized contact that is not yet a member, UnknownAccessPolicies,
    ExternalIdNotUnique, EntityAlreadyLinked, LegalEntityStays, PendingChangeRequestExists.
    """
    # NotFound takes precedence over any other fault, so that an invisible group is not disclosed.
    visible_group(actor=actor, group_id=group_id)
    asked, contacts = _locked_contacts(actor, list(memberships or ()))
    locked = locked_group(actor=actor, group_id=group_id)
    values = _values(texts, linked=linked, unlinked=unlinked)
    if memberships is not None:
        _check_known(asked, contacts)
        _check_policies(asked)
        values |= _replaced_members(actor, group_id, asked, contacts)
    return _submit(actor, locked, changes_to(locked.document, values))


@transaction.atomic
def delete_group(*, actor: Actor, group_id: int) -> ChangeRequest | None:
    """Delete a group and all its memberships, including those of contacts that the actor cannot see. Locks the group.

    Returns the request if this waits. Raises NotFound; UnprocessableEntity: `GroupHasEntities` while entities are
    linked, so that nobody loses access; `PendingChangeRequestExists`.
    """
    locked = locked_group(actor=actor, group_id=group_id)
    return _submit(actor, locked, changes_between(locked.document, {}))


def _planned_group(
    actor: Actor, memberships: Sequence[Membership], include_contact_id: int | None, values: Mapping[str, Any]
) -> tuple[LockedGroup, list[Change]]:
    """Lock the contacts of a new group; return it and the changes that create it."""
    asked = checked_memberships(actor=actor, memberships=memberships, include_contact_id=include_contact_id)
    group = new_group()
    return group, changes_to({}, {ID: group.id, **values, **_member_values(asked)})


def checked_memberships(
    *, actor: Actor, memberships: Sequence[Membership], include_contact_id: int | None = None
) -> list[Membership]:
    """Return the memberships that a new group would have. Locks the contacts. Raises like `create_group`."""
    asked = list(memberships)
    if include_contact_id is not None:
        answering = check_visible(actor=actor, contact_id=include_contact_id)
        if all(membership.contact_id not in (include_contact_id, answering) for membership in asked):
            asked.append(Membership(answering, _owner_id()))
    asked, contacts = _locked_contacts(actor, asked)
    _check_known(asked, contacts)
    _check_not_anonymized(asked, contacts)
    _check_policies(asked)
    if not asked and not Contact.objects.all_seen_by(actor):
        raise UnprocessableEntity(_("Name at least one contact that is in the group."), sub_code="ContactsRequired")
    return asked


def _submit(actor: Actor, locked: LockedGroup, changes: Sequence[Change]) -> ChangeRequest | None:
    """Make the changes of a locked group, or return the request that they wait for."""
    check_group(locked, changes)
    request = request_if_required(
        kind=CONTACT_GROUP, subject_id=locked.id, subject=locked, changes=changes, actor=actor
    )
    if request is None and changes:
        write_group(actor=actor, locked=locked, changes=changes)
    return request


def _values(texts: GroupTexts, *, linked: Collection[Entity] = (), unlinked: Collection[Entity] = ()) -> dict[str, Any]:
    """Return what a document shall have by path. Raises UnprocessableEntity `ValidationFailed`."""
    given: Mapping[str, Any] = dict(texts)
    return {
        **texts_in_form({path: given[column] for path, column in TEXTS.items() if column in given}),
        **{link_path(entity): None for entity in unlinked},
        **{link_path(entity): True for entity in linked},
    }


def _member_values(memberships: Sequence[Membership]) -> dict[str, int]:
    return {member_path(membership.contact_id): membership.access_policy_id for membership in memberships}


def _locked_contacts(actor: Actor, asked: list[Membership]) -> tuple[list[Membership], dict[int, Contact]]:
    """Lock the contacts that are asked for; return the memberships by the ids that answer, and the contacts.

    Raises UnprocessableEntity `DuplicateContact`.
    """
    _check_each_once(asked)
    contacts = _locked(actor, asked)
    if len(contacts) == len(asked):
        return asked, contacts
    ids = answering_ids([membership.contact_id for membership in asked])
    asked = [replace(membership, contact_id=ids[membership.contact_id]) for membership in asked]
    _check_each_once(asked)
    return asked, _locked(actor, asked)


def _locked(actor: Actor, asked: Collection[Membership]) -> dict[int, Contact]:
    contacts = Contact.objects.visible_to(actor).filter(pk__in=[membership.contact_id for membership in asked])
    locked = contacts.select_for_update(of=("self",), no_key=True).only("anonymized_at").order_by("pk")
    return {contact.pk: contact for contact in locked}


def _check_each_once(asked: Sequence[Membership]) -> None:
    seen: set[int] = set()
    faults: dict[str, list[str]] = {}
    for index, membership in enumerate(asked):
        if membership.contact_id in seen:
            faults[f"contacts[{index}].contactId"] = [_("The contact is already named.")]
        seen.add(membership.contact_id)
    if faults:
        raise UnprocessableEntity(_("Name each contact once."), sub_code="DuplicateContact", properties=faults)


def _check_known(asked: Sequence[Membership], contacts: Mapping[int, Contact]) -> None:
    message = [_("There is no contact with this id that you can see.")]
    faults = {
        f"contacts[{index}].contactId": message
        for index, membership in enumerate(asked)
        if membership.contact_id not in contacts
    }
    if faults:
        raise UnprocessableEntity(_("Some contacts do not exist."), sub_code="UnknownContacts", properties=faults)


def _check_not_anonymized(asked: Sequence[Membership], contacts: Mapping[int, Contact]) -> None:
    anonymized = [entry.contact_id for entry in asked if contacts[entry.contact_id].anonymized_at is not None]
    if anonymized:
        raise contacts_anonymized(anonymized)


def _check_policies(asked: Sequence[Membership]) -> None:
    check_policies({f"contacts[{index}].accessPolicyId": one.access_policy_id for index, one in enumerate(asked)})


def _replaced_members(
    actor: Actor, group_id: int, asked: Sequence[Membership], contacts: Mapping[int, Contact]
) -> dict[str, int | None]:
    """Return the members by path that replace the visible ones. The group is locked, so these cannot change."""
    visible = GroupMembership.objects.visible_to(actor).filter(group=group_id)
    present = set(visible.values_list("contact", flat=True))
    _check_not_anonymized([membership for membership in asked if membership.contact_id not in present], contacts)
    return {**{member_path(pk): None for pk in sorted(present)}, **_member_values(asked)}


def _owner_id() -> int:
    """Return the id of the policy `owner`. Raises UnprocessableEntity if the institution has removed it."""
    owner = ListItem.objects.filter(list__key=ACCESS_POLICIES, key=OWNER).values_list("pk", flat=True).first()
    if owner is None:
        raise UnprocessableEntity(
            _("The list %(list)s has no item %(item)s: name the contact with a policy.")
            % {"list": ACCESS_POLICIES, "item": OWNER},
            sub_code="UnknownAccessPolicies",
        )
    return owner
