"""Visibility. Everything that touches contacts starts from `visible_to` (design section 3)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, Exists, Expression, F, Func, IntegerField, OuterRef, QuerySet, Value

from accounts.actor import Actor, ActorKind
from accounts.queries import member_and_below

if TYPE_CHECKING:
    from contacts.models import Contact  # noqa: F401 - named in quotes below


def _any_of(column: str, ids: Sequence[int] | Expression) -> Func:
    """Whether a column holds one of the ids: as one array, so that the statement is the same however many they are."""
    array = ids if isinstance(ids, Expression) else Value(list(ids), output_field=ArrayField(IntegerField()))
    return Func(
        F(column), array, arg_joiner=" = ANY(", template="%(expressions)s::integer[])", output_field=BooleanField()
    )


class ContactQuerySet(QuerySet["Contact"]):
    def visible_to(self, actor: Actor, *, exclude_hierarchy: bool = False) -> Self:
        """The contacts that the actor may know of; `exclude_hierarchy` leaves out what only members below it have."""
        if actor.sees_all_contacts:
            return self
        if actor.kind is ActorKind.CONTACT:
            return self.filter(pk=actor.contact_id)
        if actor.kind is ActorKind.MEMBER:
            return self.assigned_to(actor.member_id, exclude_hierarchy=exclude_hierarchy)
        if not actor.participant_ids:
            return self
        return self._through("participants", _any_of("participant", actor.participant_ids))

    def assigned_to(self, member_id: int | None, *, exclude_hierarchy: bool = False) -> Self:
        """The contacts of a member and, unless excluded, of all members below it."""
        if exclude_hierarchy or member_id is None:
            return self._through("members", member_id=member_id)
        return self._through("members", member_id__in=member_and_below(member_id))

    def _through(self, relation: str, *conditions: Expression, **condition: object) -> Self:
        # EXISTS rather than a join: a contact that two rows make visible still comes once, and can be locked.
        rows = getattr(self.model, relation).through._default_manager
        return self.filter(Exists(rows.filter(*conditions, contact=OuterRef("pk"), **condition)))
