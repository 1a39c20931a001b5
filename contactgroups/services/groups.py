"""Creating, changing and deleting contact groups and their memberships.

Lock order: contacts by id, then the group.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.actor import Actor
from contactgroups.models import ACCESS_POLICIES, OWNER, ContactGroup, GroupMembership
from contactgroups.queries import locked_group, visible_group
from contacts.models import Contact
from contacts.queries.contacts import check_visible
from core.errors import UnprocessableEntity, map_integrity_error
from schemas.models import ListItem

EXTERNAL_ID_UNIQUE = "group_external_id_unique"


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


@transaction.atomic
def create_group(
    *,
    actor: Actor,
    memberships: Sequence[Membership],
    name: str | None = None,
    external_id: str | None = None,
    custom_attributes: str | None = None,
    include_contact_id: int | None = None,
) -> ContactGroup:
    """Create a group with these contacts. Locks the contacts.

    Adds `include_contact_id` as owner, unless `memberships` names it with another policy. Raises NotFound if the actor
    cannot see that contact; UnprocessableEntity: DuplicateContact, UnknownContacts, ContactAnonymized,
    UnknownAccessPolicies, ExternalIdNotUnique, and ContactsRequired if the actor does not see all contacts and names
    none, since it could not see the new group.
    """
    asked = list(memberships)
    if include_contact_id is not None:
        check_visible(actor=actor, contact_id=include_contact_id)
        if all(membership.contact_id != include_contact_id for membership in asked):
            asked.append(Membership(include_contact_id, _owner_id()))
    _check_each_once(asked)
    contacts = _locked_contacts(actor, asked)
    _check_known(asked, contacts)
    _check_not_anonymized(asked, contacts)
    _check_policies(asked)
    group = ContactGroup(
        name=name or None, external_id=external_id or None, custom_attributes=custom_attributes or None
    )
    with map_integrity_error(EXTERNAL_ID_UNIQUE, _external_id_not_unique()):
        group.save(force_insert=True)
    _add(group, asked)
    if not asked and not ContactGroup.objects.visible_to(actor).filter(pk=group.pk).exists():
        raise UnprocessableEntity(_("Name at least one contact that is in the group."), sub_code="ContactsRequired")
    return group


@transaction.atomic
def change_group(
    *,
    actor: Actor,
    group_id: int,
    memberships: Sequence[Membership] | None = None,
    **texts: Unpack[GroupTexts],
) -> ContactGroup:
    """Change the given texts and, unless `memberships` is None, replace the members.

    Locks the contacts, then the group. Members that the actor cannot see stay in the group. Raises NotFound;
    UnprocessableEntity: DuplicateContact, UnknownContacts, ContactAnonymized for an anonymized contact that is not yet
    a member, UnknownAccessPolicies, ExternalIdNotUnique.
    """
    # NotFound takes precedence over any other fault, so that an invisible group is not disclosed.
    visible_group(actor=actor, group_id=group_id)
    asked = list(memberships or ())
    _check_each_once(asked)
    contacts = _locked_contacts(actor, asked)
    group = locked_group(actor=actor, group_id=group_id)
    if memberships is not None:
        _check_known(asked, contacts)
        _check_policies(asked)
        _replace_members(actor, group, asked, contacts)
    for field, text in texts.items():
        setattr(group, field, text or None)
    with map_integrity_error(EXTERNAL_ID_UNIQUE, _external_id_not_unique()):
        group.save(update_fields=list(texts))
    return group


@transaction.atomic
def delete_group(*, actor: Actor, group_id: int) -> None:
    """Delete a group and all its memberships, including those of contacts that the actor cannot see. Locks the group.

    Raises NotFound; UnprocessableEntity `GroupHasEntities` while entities are linked, so that nobody loses access.
    """
    group = locked_group(actor=actor, group_id=group_id)
    linked = group.linked_entities.count()
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
    group.delete()


def erase_groups(contact_ids: Sequence[int]) -> None:
    """Anonymization handler: clear name and custom attributes of groups that have only anonymized contacts left.

    These texts may name the person. While a group has other contacts they stay, and are cleared when the last of these
    is anonymized. External ids stay: they are another system's key of the group, not of a person. Locks the contacts'
    groups by id, so that of two members anonymized concurrently, the second sees that it is the last.
    """
    memberships = GroupMembership.objects.filter(contact__in=contact_ids)
    groups = ContactGroup.objects.filter(pk__in=memberships.values("group")).order_by("pk")
    locked = list(groups.select_for_update().values_list("pk", flat=True))
    known_members = GroupMembership.objects.filter(group=OuterRef("pk"), contact__anonymized_at__isnull=True)
    nobodys = ContactGroup.objects.filter(~Exists(known_members), pk__in=locked)
    nobodys.update(name=None, custom_attributes=None)


def _locked_contacts(actor: Actor, asked: Collection[Membership]) -> dict[int, Contact]:
    contacts = Contact.objects.visible_to(actor).filter(pk__in=[membership.contact_id for membership in asked])
    locked = contacts.select_for_update(of=("self",), no_key=True).only("anonymized_at").order_by("pk")
    return {contact.pk: contact for contact in locked}


def _check_each_once(asked: Sequence[Membership]) -> None:
    seen: set[int] = set()
    faults: dict[str, list[str]] = {}
    for index, membership in enumerate(asked):
        if membership.contact_id in seen:
            faults[f"contacts[{index}].contactId"] = [_("The contact is named already.")]
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
    anonymized = [str(entry.contact_id) for entry in asked if contacts[entry.contact_id].anonymized_at is not None]
    if anonymized:
        raise UnprocessableEntity(
            _("These contacts were anonymized and cannot join a group any more: %(ids)s.")
            % {"ids": ", ".join(anonymized)},
            sub_code="ContactAnonymized",
        )


def _check_policies(asked: Sequence[Membership]) -> None:
    known = set(
        ListItem.objects.filter(
            list__key=ACCESS_POLICIES, pk__in={membership.access_policy_id for membership in asked}
        ).values_list("pk", flat=True)
    )
    message = [_("Expected the id of an item of the list %(list)s.") % {"list": ACCESS_POLICIES}]
    faults = {
        f"contacts[{index}].accessPolicyId": message
        for index, membership in enumerate(asked)
        if membership.access_policy_id not in known
    }
    if faults:
        raise UnprocessableEntity(
            _("Some access policies do not exist."), sub_code="UnknownAccessPolicies", properties=faults
        )


def _replace_members(
    actor: Actor, group: ContactGroup, asked: Sequence[Membership], contacts: Mapping[int, Contact]
) -> None:
    """Replace the visible memberships. The caller holds the group's lock, so they cannot change concurrently."""
    present = {row.contact_id: row for row in group.memberships.visible_to(actor)}
    new = [membership for membership in asked if membership.contact_id not in present]
    _check_not_anonymized(new, contacts)
    dropped = present.keys() - {membership.contact_id for membership in asked}
    group.memberships.filter(contact__in=dropped).delete()
    changed = []
    for membership in asked:
        row = present.get(membership.contact_id)
        if row is not None and row.access_policy_id != membership.access_policy_id:
            row.access_policy_id = membership.access_policy_id
            changed.append(row)
    GroupMembership.objects.bulk_update(changed, ["access_policy"])
    _add(group, new)


def _add(group: ContactGroup, memberships: Sequence[Membership]) -> None:
    GroupMembership.objects.bulk_create(
        GroupMembership(group=group, contact_id=membership.contact_id, access_policy_id=membership.access_policy_id)
        for membership in memberships
    )


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


def _external_id_not_unique() -> UnprocessableEntity:
    return UnprocessableEntity(
        _("A group has this external id already."),
        sub_code="ExternalIdNotUnique",
        properties={"groupExternalId": [_("A group has this external id already.")]},
    )
