"""Visibility of contacts. Every query for contacts starts with `visible_to`; see docs/architecture.md.

A contact that was merged is no row of its own any more: `visible_to` leaves it out, and `answering` finds by its id the
contact that answers for it. Both have the same participants and members, so who sees one sees the other.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BooleanField,
    Exists,
    Expression,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce

from accounts.actor import Actor, ActorKind
from accounts.queries import member_and_below

if TYPE_CHECKING:
    from contacts.models import Contact  # noqa: F401 - named in quotes below

Rows = TypeVar("Rows", bound=QuerySet[Any])


def _any_of(column: str, ids: Sequence[int] | Expression) -> Func:
    """Whether a column contains one of the ids. One array parameter keeps the SQL the same for any number of ids."""
    array = ids if isinstance(ids, Expression) else Value(list(ids), output_field=ArrayField(IntegerField()))
    return Func(
        F(column), array, arg_joiner=" = ANY(", template="%(expressions)s::integer[])", output_field=BooleanField()
    )


def _is_looked_after(actor: Actor, exclude_hierarchy: bool) -> Expression | Q:
    """Whether an assignment is the member's or, unless excluded, that of a member below."""
    if exclude_hierarchy or actor.member_id is None:
        return Q(member_id=actor.member_id)
    if actor.hierarchy is None:
        return Q(member_id__in=member_and_below(actor.member_id))
    return _any_of("member", actor.hierarchy)


class ContactQuerySet(QuerySet["Contact"]):
    def visible_to(self, actor: Actor, *, exclude_hierarchy: bool = False) -> Self:
        """Return the contacts visible to the actor; `exclude_hierarchy` omits assignments of members below it."""
        rows = self.filter(merged_into__isnull=True)
        return self._narrowed(rows, "pk", actor, exclude_hierarchy=exclude_hierarchy)

    def visible_with_merged(self, actor: Actor) -> Self:
        """Return the contacts visible to the actor, and those that were merged into them."""
        if actor.kind is ActorKind.CONTACT:
            return self.filter(Q(pk=actor.contact_id) | Q(merged_into=actor.contact_id))
        return self._narrowed(self, "pk", actor, exclude_hierarchy=False)

    def answering(self, contact_id: Any) -> Self:
        """Return the contact that answers for an id, which may be a parameter: itself unless it was merged."""
        survivor = self.model._default_manager.filter(pk=contact_id).order_by().values("merged_into")
        return self.filter(pk=Coalesce(Subquery(survivor), contact_id, output_field=IntegerField()))

    def answering_any(self, contact_ids: Collection[int] | QuerySet[Any, Any]) -> Self:
        """Return the contacts that answer for any of these ids."""
        asked = self.model._default_manager.filter(pk__in=contact_ids).order_by()
        return self.filter(pk__in=asked.values(answering=Coalesce("merged_into", "pk")))

    def same_as(self, contact_ids: Collection[int]) -> Self:
        """Return the contacts that answer for any of these ids, and those that were merged into them."""
        survivors = self.model._default_manager.answering_any(contact_ids).order_by().values("pk")
        return self.filter(Q(pk__in=survivors) | Q(merged_into__in=survivors))

    def narrowed_to_visible(
        self, rows: Rows, actor: Actor, *, column: str = "contact_id", exclude_hierarchy: bool = False
    ) -> Rows:
        """Return the rows whose `column` contains the id of a contact visible to the actor.

        Compares the rows' own column. Does not join the contacts: each row has one anyway.
        """
        return self._narrowed(rows, column, actor, exclude_hierarchy=exclude_hierarchy)

    def assigned_to(self, member_ids: Sequence[int]) -> Self:
        """Return the contacts assigned to the members."""
        return self.filter(self._is_linked("members", "pk", _any_of("member", member_ids)))

    def visibility(self, actor: Actor, *, column: str, exclude_hierarchy: bool = False) -> Q | None:
        """Return the condition that `column` contains the id of a contact visible to the actor; None if it sees all."""
        if actor.sees_all_contacts:
            return None
        if actor.kind is ActorKind.CONTACT:
            return Q(**{column: actor.contact_id})
        if actor.kind is ActorKind.MEMBER:
            return self._is_linked("members", column, _is_looked_after(actor, exclude_hierarchy))
        if not actor.participant_ids:
            return None
        return self._is_linked("participants", column, _any_of("participant", actor.participant_ids))

    def all_seen_by(self, actor: Actor) -> bool:
        """Return whether the actor sees all contacts."""
        return self.visibility(actor, column="pk") is None

    def _narrowed(self, rows: Rows, column: str, actor: Actor, *, exclude_hierarchy: bool) -> Rows:
        condition = self.visibility(actor, column=column, exclude_hierarchy=exclude_hierarchy)
        return rows if condition is None else rows.filter(condition)

    def _is_linked(self, relation: str, contact: str, condition: Expression | Q) -> Q:
        # EXISTS instead of a join: contacts visible through two links appear once, and SELECT FOR UPDATE works.
        links = getattr(self.model, relation).through._default_manager
        return Q(Exists(links.filter(condition, contact=OuterRef(contact))))
