"""Reading and searching contact groups, and access checks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
    prefetch_related_objects,
)
from django.utils.translation import gettext as _

from accounts.actor import Actor, VisibilityScope
from accounts.models import Member
from accounts.prefetch import Row, ViewPrefetch
from contactgroups.documents import MEMBERS
from contactgroups.models import ACCESS_POLICIES, CONTACT_GROUP, ContactGroup, GroupMembership, LinkedEntity
from contacts.models import Contact, ContactAssignment
from contacts.queries.contacts import check_visible, no_such_contact
from contacts.queries.documents import is_id_asked_for
from contacts.queries.searching import as_written
from core.errors import NotFound
from core.folding import FoldedLike
from core.prepared import Param, PreparedQuery
from core.search import SearchTerm
from core.serializers import INT32_MAX


class AndAbove(Subquery):
    """The ids of the members that a queryset selects and of all their managers, up to the root.

    Visibility is inherited down the tree of members. Checking whether a member sees a few contacts is cheaper upwards:
    the cost depends on the depth of the tree, not on the number of members.
    """

    template = """(
        WITH RECURSIVE above(id) AS (
            %(subquery)s
            UNION
            SELECT member.manager_id FROM accounts_member member JOIN above ON member.id = above.id
            WHERE member.manager_id IS NOT NULL
        )
        SELECT id FROM above
    )"""


def no_such_group() -> NotFound:
    return NotFound(_("There is no contact group with this id that you can see."))


# ---- groups


def visible_group(*, actor: Actor, group_id: int) -> ContactGroup:
    """Return the group. Raises NotFound if it does not exist or the actor cannot see it."""
    group = ContactGroup.objects.visible_to(actor).filter(pk=group_id).first()
    if group is None:
        raise no_such_group()
    return group


def groups_of_contact(*, actor: Actor, contact_id: int) -> list[ContactGroup]:
    """Return the groups of a contact, by id. Raises NotFound if the actor cannot see the contact."""
    contact_id = check_visible(actor=actor, contact_id=contact_id)
    memberships = GroupMembership.objects.filter(contact=contact_id)
    return list(ContactGroup.objects.filter(pk__in=memberships.values("group")).order_by("pk"))


def memberships_of_contact(*, contact_id: int) -> QuerySet[GroupMembership]:
    """Return a contact's memberships with group and policy. The caller must have checked that the actor sees it."""
    memberships = GroupMembership.objects.filter(contact=contact_id)
    return memberships.select_related("group", "access_policy").order_by("group_id")


def searched_groups(*, actor: Actor, criteria: Mapping[str, Any]) -> QuerySet[ContactGroup]:
    """Return the visible groups that match all criteria, by id."""
    groups = ContactGroup.objects.visible_to(actor)
    if (contact_ids := criteria["contactIds"]) is not None:
        # Only visible contacts: otherwise the result would disclose memberships of others.
        contacts = Contact.objects.answering_any(contact_ids).order_by().values("pk")
        memberships = GroupMembership.objects.visible_to(actor).filter(contact__in=contacts)
        groups = groups.filter(pk__in=memberships.values("group"))
    if (group_ids := criteria["contactGroupIds"]) is not None:
        groups = groups.filter(pk__in=group_ids)
    if criteria["name"]:
        groups = groups.filter(FoldedLike(F("name"), Value(criteria["name"])))
    if (external_ids := criteria["externalIds"]) is not None:
        groups = groups.filter(external_id__in=external_ids)
    return groups.order_by("pk")


def with_visible_members(
    groups: Sequence[ContactGroup], *, actor: Actor, limit: int | None = None
) -> Sequence[ContactGroup]:
    """Set `visible_members` on each group: the first `limit` memberships of contacts that the actor sees.

    Runs one query for all groups. Returns `groups`.
    """
    memberships = GroupMembership.objects.visible_to(actor).select_related("contact", "access_policy")
    shown = memberships.only("group", "contact__name", "access_policy__key", "access_policy__names").order_by("pk")
    prefetch_related_objects(groups, Prefetch("memberships", shown[:limit], to_attr="visible_members"))
    return groups


def contacts_shown(groups: Iterable[Any], *, limit: int | None = None) -> list[int]:
    """Return the ids of the contacts that are shown with the groups: of each the first `limit` visible members."""
    return [membership.contact_id for group in groups for membership in group.visible_members[:limit]]


def linked_counts(group_ids: Collection[int]) -> dict[int, int]:
    """Return the number of linked entities by group id. Groups without any are missing."""
    links = LinkedEntity.objects.filter(group__in=group_ids).order_by()
    return dict(links.values_list("group").annotate(Count("pk")))


def search_groups(groups: QuerySet[ContactGroup], text: str, *, actor: Actor) -> QuerySet[ContactGroup]:
    """Filter groups by a search term: part of the name, external id, id, or a contact that the actor sees."""
    term = SearchTerm.typed(text)
    if not term:
        return groups
    contacts = as_written(Contact.objects.visible_to(actor), text)
    # The LIMIT excludes nothing; it makes PostgreSQL find the contacts first. When it flattens the subquery, it
    # estimates as many matches as the actor sees contacts.
    meant_contacts = contacts.order_by().values("pk")[:INT32_MAX]
    in_groups = GroupMembership.objects.filter(contact__in=meant_contacts).order_by().values("group")
    meant = Q(FoldedLike(F("name"), Value(term.text))) | Q(external_id__iexact=term.text)
    if term.id is not None:
        meant |= Q(pk=term.id)
    # A union, since each part can use an index: with OR, PostgreSQL scans all groups.
    named = ContactGroup.objects.filter(meant).order_by().values("pk")
    return groups.filter(pk__in=named.union(in_groups, all=True))


# ---- access


@dataclass(frozen=True, slots=True)
class GroupReference:
    """The group of an access check, given by its id or by an entity that is linked to it."""

    group_id: int | None = None
    entity_type: str = ""
    entity_id: int | None = None

    @property
    def ids(self) -> QuerySet[Any, Any]:
        """A subquery for the group's id; empty if the group does not exist."""
        if self.entity_id is None:
            return _ids_of_group(self.group_id)
        return _ids_of_group_of(self.entity_type, self.entity_id)


def _ids_of_group(group_id: Any) -> QuerySet[Any, Any]:
    return ContactGroup.objects.filter(pk=group_id).order_by().values("pk")


def _ids_of_group_of(entity_type: Any, entity_id: Any) -> QuerySet[Any, Any]:
    return LinkedEntity.objects.filter(entity_type=entity_type, entity_id=entity_id).order_by().values("group")


def access_query(*, contact_id: int, group: GroupReference) -> ViewPrefetch:
    """Return the prefetch for a contact's access check. Pass its row to `access_from_row`."""
    values = {"contact": contact_id, "group_id": group.group_id, "entity_id": group.entity_id}
    prepared = _prepared_group if group.entity_id is None else _prepared_entity
    return ViewPrefetch(prepared, {**values, "entity_type": group.entity_type})


def access_from_row(row: Row | None) -> bool:
    """Return whether the contact is in the group, from the row of `access_query`.

    Raises NotFound if the actor cannot see the contact or the group does not exist. The actor need not see the group:
    the result discloses only whether this contact is in it.
    """
    if row is None:
        raise no_such_contact()
    return _has_access(*row)


@lru_cache(maxsize=64)
def _prepared_group(scope: VisibilityScope) -> PreparedQuery:
    return _prepared_access(scope, _ids_of_group(Param("group_id")))


@lru_cache(maxsize=64)
def _prepared_entity(scope: VisibilityScope) -> PreparedQuery:
    return _prepared_access(scope, _ids_of_group_of(Param("entity_type"), Param("entity_id")))


def _prepared_access(scope: VisibilityScope, group_ids: QuerySet[Any, Any]) -> PreparedQuery:
    memberships = GroupMembership.objects.filter(group__in=group_ids, contact=OuterRef("pk"))
    contacts = Contact.objects.visible_to(scope.actor).answering(Param("contact")).order_by()
    return PreparedQuery.from_queryset(contacts.values_list(Exists(group_ids), Exists(memberships)))


def identity_has_access(*, actor: Actor, identity_id: UUID, group: GroupReference) -> bool:
    """Return whether a member sees at least one contact of the group. Runs one query.

    A member can query itself and the members below it; members that see all contacts and applications can query any
    member. Raises NotFound for other members and if the group does not exist.
    """
    members = Member.objects.filter(uid=identity_id).order_by()
    if actor.member_uid is not None and not actor.sees_all_contacts:
        above = Member.objects.filter(pk__in=AndAbove(members.values("pk")))
        members = members.filter(Exists(above.filter(uid=actor.member_uid)))
    memberships = GroupMembership.objects.filter(group__in=group.ids)
    assigned = ContactAssignment.objects.filter(contact__in=memberships.values("contact")).values("member")
    sees_one = Q(sees_all_contacts=True) & Exists(memberships) | Q(pk__in=AndAbove(assigned))
    found = members.values_list(Exists(group.ids), ExpressionWrapper(sees_one, output_field=BooleanField())).first()
    if found is None:
        raise NotFound(_("There is no member with this identity id that you can see."))
    return _has_access(*found)


def _has_access(is_known: bool, has_access: bool) -> bool:
    if not is_known:
        raise NotFound(_("There is no such contact group, or the entity is linked to none."))
    return has_access


def is_policy_asked_for(list_key: str, item_key: str) -> bool:
    """Return whether an open request would give a contact this access policy: reviewers decide by its name."""
    place = f'$[*] ? (@.path starts with "{MEMBERS}.").target'
    return list_key == ACCESS_POLICIES and is_id_asked_for(
        kind=CONTACT_GROUP, place=place, list_key=list_key, item_key=item_key
    )
