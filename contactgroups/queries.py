"""Choosing groups, and saying who has access to them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    prefetch_related_objects,
)
from django.utils.translation import gettext as _

from accounts.actor import Actor, VisibilityScope
from accounts.models import Member
from accounts.prefetch import Row, ViewPrefetch
from contactgroups.models import ContactGroup, GroupMembership, LinkedEntity
from contacts.models import Contact, ContactAssignment
from contacts.queries.contacts import check_visible, no_such_contact, search_contacts
from core.errors import NotFound, UnprocessableEntity, map_lock_errors
from core.prepared import Param, PreparedQuery, id_or_none
from core.search import SearchTerm
from core.serializers import INT32_MAX

MAX_FOUND = 200


class AndAbove(Subquery):
    """The ids of the members that a queryset selects and of everyone above them.

    Visibility goes down the tree of members, from one member to all below it. Whether one member sees a few contacts is
    asked the other way round, because the way up is as long as the tree is deep, however many members there are.
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
    """The group. Raises NotFound when there is none or the actor cannot see it."""
    group = ContactGroup.objects.visible_to(actor).filter(pk=group_id).first()
    if group is None:
        raise no_such_group()
    return group


def locked_group(*, actor: Actor, group_id: int) -> ContactGroup:
    """The group with its row locked until the transaction ends. Raises NotFound like `visible_group`; HeldByOthers.

    Whoever locks contacts as well locks them first.
    """
    with map_lock_errors():
        group = ContactGroup.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=group_id).first()
    if group is None:
        raise no_such_group()
    return group


def groups_of_contact(*, actor: Actor, contact_id: int) -> list[ContactGroup]:
    """The groups that a contact is in. Raises NotFound when the actor cannot see the contact."""
    check_visible(actor=actor, contact_id=contact_id)
    memberships = GroupMembership.objects.filter(contact=contact_id)
    return list(ContactGroup.objects.filter(pk__in=memberships.values("group")).order_by("pk"))


def memberships_of_contact(*, contact_id: int) -> QuerySet[GroupMembership]:
    """The memberships of a contact that the caller has been shown, each with its group and its policy."""
    memberships = GroupMembership.objects.filter(contact=contact_id)
    return memberships.select_related("group", "access_policy").order_by("group_id")


def searched_groups(*, actor: Actor, criteria: Mapping[str, Any]) -> list[ContactGroup]:
    """The visible groups that meet all criteria, in the order of their ids.

    Raises UnprocessableEntity `TooManyResults` when there are more than 200: a list that was cut would look complete.
    """
    groups = ContactGroup.objects.visible_to(actor)
    if (contact_ids := criteria["contactIds"]) is not None:
        # Through contacts that the actor sees: whether another one is in a group is not its business.
        memberships = GroupMembership.objects.visible_to(actor).filter(contact__in=contact_ids)
        groups = groups.filter(pk__in=memberships.values("group"))
    if (group_ids := criteria["contactGroupIds"]) is not None:
        groups = groups.filter(pk__in=group_ids)
    if criteria["name"]:
        groups = groups.filter(name__icontains=criteria["name"])
    if (external_ids := criteria["externalIds"]) is not None:
        groups = groups.filter(external_id__in=external_ids)
    found = list(groups.order_by("pk")[: MAX_FOUND + 1])
    if len(found) > MAX_FOUND:
        raise UnprocessableEntity(
            _("More than %(limit)s contact groups meet these criteria. Name more criteria, or narrower ones.")
            % {"limit": MAX_FOUND},
            sub_code="TooManyResults",
        )
    return found


def with_visible_members(
    groups: Sequence[ContactGroup], *, actor: Actor, limit: int | None = None
) -> Sequence[ContactGroup]:
    """Gives each group `visible_members`: the memberships of contacts that the actor sees, the first `limit` of them.

    In one statement for all groups.
    """
    memberships = GroupMembership.objects.visible_to(actor).select_related("contact", "access_policy")
    shown = memberships.only("group", "contact__name", "access_policy__key", "access_policy__names").order_by("pk")
    prefetch_related_objects(groups, Prefetch("memberships", shown[:limit], to_attr="visible_members"))
    return groups


def linked_counts(group_ids: Collection[int]) -> dict[int, int]:
    """How many entities are linked to each of the groups, for those that have any."""
    links = LinkedEntity.objects.filter(group__in=group_ids).order_by()
    return dict(links.values_list("group").annotate(Count("pk")))


def search_groups(groups: QuerySet[ContactGroup], text: str, *, actor: Actor) -> QuerySet[ContactGroup]:
    """The groups that somebody means who types `text`: by name, external id, id, or a contact that the actor sees."""
    term = SearchTerm.typed(text)
    if not term:
        return groups
    contacts = search_contacts(Contact.objects.visible_to(actor), text)
    # The limit, which is none, has the contacts found by themselves: joined with the rest, PostgreSQL takes the few
    # that are meant for as many as the member sees.
    meant_contacts = contacts.order_by().values("pk")[:INT32_MAX]
    in_groups = GroupMembership.objects.filter(contact__in=meant_contacts).order_by().values("group")
    meant = Q(name__icontains=term.text) | Q(external_id__iexact=term.text)
    if term.id is not None:
        meant |= Q(pk=term.id)
    # A union, each part of which has its indexes: with an OR between them PostgreSQL reads all groups.
    named = ContactGroup.objects.filter(meant).order_by().values("pk")
    return groups.filter(pk__in=named.union(in_groups, all=True))


# ---- access


@dataclass(frozen=True, slots=True)
class GroupReference:
    """The group that a check of access is about: the one of this id, or the one that this entity is linked to."""

    group_id: int | None = None
    entity_type: str = ""
    entity_id: int | None = None

    @property
    def ids(self) -> QuerySet[Any, Any]:
        """The id of the group as a subquery, empty when there is none."""
        if self.entity_id is None:
            return _ids_of_group(self.group_id)
        return _ids_of_group_of(self.entity_type, self.entity_id)


def _ids_of_group(group_id: Any) -> QuerySet[Any, Any]:
    return ContactGroup.objects.filter(pk=group_id).order_by().values("pk")


def _ids_of_group_of(entity_type: Any, entity_id: Any) -> QuerySet[Any, Any]:
    return LinkedEntity.objects.filter(entity_type=entity_type, entity_id=entity_id).order_by().values("group")


def access_query(*, contact_id: int, group: GroupReference) -> ViewPrefetch:
    """Reads whether a contact is in a group; `access_from_row` takes the row."""
    given = {"contact": contact_id, "group_id": group.group_id, "entity_id": group.entity_id}
    ids = {name: None if value is None else id_or_none(value) for name, value in given.items()}
    prepared = _prepared_group if group.entity_id is None else _prepared_entity
    return ViewPrefetch(prepared, {**ids, "entity_type": group.entity_type})


def access_from_row(row: Row | None) -> bool:
    """Whether the contact is in the group, by the row of `access_query`.

    Raises NotFound when the actor cannot see the contact or there is no such group. The actor need not see the group:
    nothing of it is disclosed but whether this contact is in it.
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
    memberships = GroupMembership.objects.filter(group__in=group_ids, contact=Param("contact"))
    contacts = Contact.objects.visible_to(scope.actor).filter(pk=Param("contact")).order_by()
    return PreparedQuery.from_queryset(contacts.values_list(Exists(group_ids), Exists(memberships)))


def identity_has_access(*, actor: Actor, identity_id: UUID, group: GroupReference) -> bool:
    """Whether a member sees at least one contact of the group. One statement.

    A member asks about itself and those below it, one that sees all contacts and an application about anybody. Raises
    NotFound for anybody else, and when there is no such group.
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
