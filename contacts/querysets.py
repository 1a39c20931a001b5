"""Visibility. Everything that touches contacts starts from `visible_to` (design section 3)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Exists, Expression, F, Func, IntegerField, OuterRef, Q, QuerySet, Value
from django.db.models.sql.compiler import SQLCompiler

from accounts.actor import Actor, ActorKind
from accounts.queries import member_and_below, members_below
from core.statements import Slot

if TYPE_CHECKING:
    from contacts.models import Contact  # noqa: F401 - named in quotes below

Rows = TypeVar("Rows", bound=QuerySet[Any])


_is_about_many: ContextVar[bool] = ContextVar("is_about_many", default=False)


@contextmanager
def about_many() -> Iterator[None]:
    """Statements that run inside are about many contacts: who is below a member is read first, in a small statement.

    PostgreSQL then knows how many they are, and plans for a reviewer with a few contacts and for the head of a house
    what suits each. Of a subquery it can but guess, and looks for the requests of the former among those of all. Where
    a statement is about one contact that costs nothing, and the statement before it would.
    """
    token = _is_about_many.set(True)
    try:
        yield
    finally:
        _is_about_many.reset(token)


class _IsMemberOrBelow(Func):
    """Whether the column `member` holds a member or one of those below it."""

    output_field = BooleanField()

    def __init__(self, member_id: int | Slot) -> None:
        super().__init__(F("member"))
        self._member_id = member_id
        # Shared by the copies that Django makes of an expression; filled once.
        self._ids: list[int] = []

    @classmethod
    def of(cls, actor: Actor) -> Self:
        """Of an actor, who is resolved once per request and keeps it: the ids are read once for its statements."""
        kept: dict[str, Any] = vars(actor)
        found: Self = kept.setdefault("_member_or_below", cls(kept["member_id"]))
        return found

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        column, params = compiler.compile(self.get_source_expressions()[0])
        if isinstance(self._member_id, Slot) or not _is_about_many.get():
            below, asked = compiler.compile(member_and_below(self._member_id))  # type: ignore[arg-type]
            return f"{column} IN {below}", [*params, *asked]
        if not self._ids:
            self._ids += members_below(self._member_id).using(connection.alias).order_by().values_list("pk", flat=True)
        return f"{column} = ANY(%s::integer[])", [*params, self._ids]


def _any_of(column: str, ids: Sequence[int] | Expression) -> Func:
    """Whether a column holds one of the ids: as one array, so that the statement is the same however many they are."""
    array = ids if isinstance(ids, Expression) else Value(list(ids), output_field=ArrayField(IntegerField()))
    return Func(
        F(column), array, arg_joiner=" = ANY(", template="%(expressions)s::integer[])", output_field=BooleanField()
    )


class ContactQuerySet(QuerySet["Contact"]):
    def visible_to(self, actor: Actor, *, exclude_hierarchy: bool = False) -> Self:
        """The contacts that the actor may know of; `exclude_hierarchy` leaves out what only members below it have."""
        return self._narrowed(self, "pk", actor, exclude_hierarchy=exclude_hierarchy)

    def narrowed_to_visible(self, rows: Rows, actor: Actor, *, exclude_hierarchy: bool = False) -> Rows:
        """Those of the rows of a model with a `contact` that are about one which `visible_to` gives the actor.

        Who sees what is looked up by the rows' own column. The contacts, of which there is one for each anyhow, are
        not read.
        """
        return self._narrowed(rows, "contact_id", actor, exclude_hierarchy=exclude_hierarchy)

    def assigned_to(self, member_id: int | None, *, exclude_hierarchy: bool = False) -> Self:
        """The contacts of a member and, unless excluded, of all members below it."""
        below = None if exclude_hierarchy or member_id is None else _IsMemberOrBelow(member_id)
        return self.filter(self._is_assigned("pk", member_id, below))

    def _narrowed(self, rows: Rows, contact: str, actor: Actor, *, exclude_hierarchy: bool) -> Rows:
        """The rows whose column `contact` holds the id of a contact that the actor may know of."""
        if actor.sees_all_contacts:
            return rows
        if actor.kind is ActorKind.CONTACT:
            return rows.filter(**{contact: actor.contact_id})
        if actor.kind is ActorKind.MEMBER:
            below = None if exclude_hierarchy or actor.member_id is None else _IsMemberOrBelow.of(actor)
            return rows.filter(self._is_assigned(contact, actor.member_id, below))
        if not actor.participant_ids:
            return rows
        return rows.filter(self._is_linked("participants", contact, _any_of("participant", actor.participant_ids)))

    def _is_assigned(self, contact: str, member_id: int | None, below: _IsMemberOrBelow | None) -> Exists:
        return self._is_linked("members", contact, Q(member_id=member_id) if below is None else below)

    def _is_linked(self, relation: str, contact: str, condition: Expression | Q) -> Exists:
        # EXISTS rather than a join: a contact that two rows make visible still comes once, and can be locked.
        links = getattr(self.model, relation).through._default_manager
        return Exists(links.filter(condition, contact=OuterRef(contact)))
