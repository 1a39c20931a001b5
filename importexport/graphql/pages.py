"""A page of rows. Rows and total count are queried lazily, in one statement each."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from accounts.actor import Actor
from audit.access.models import Door
from audit.access.recording import looked
from core.errors import UnprocessableEntity
from core.folding import Folded
from core.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from importexport.graphql.conditions import check_open_to
from importexport.graphql.inputs import DESCENDING
from importexport.graphql.kinds import PHONE, TEXT
from importexport.graphql.roots import Root
from importexport.graphql.tree import Attribute, Branch, Many

MAX_ORDERS = 10


class Page:
    """Skips `skip` rows and returns up to `take`. Reads one more row to find out whether there is a next page."""

    def __init__(
        self, root: Root, rows: QuerySet[Any], *, actor: Actor, order: Sequence[Any], skip: int, take: int
    ) -> None:
        self._root = root
        self._actor = actor
        self._rows = rows
        self._order = order
        self.skip = skip
        self.take = take

    @cached_property
    def _found(self) -> list[Any]:
        rows = self._root.answering(self._rows).order_by(*self._order, "id")
        return list(rows[self.skip : self.skip + self.take + 1])

    @cached_property
    def items(self) -> list[Any]:
        """The rows of the page. Whoever asks for them is shown them, with any value that the query selects."""
        items = self._found[: self.take]
        if self._root.shows_contacts:
            looked(self._actor, [row.pk for row in items], door=Door.GRAPHQL)
        return items

    @cached_property
    def total_count(self) -> int:
        return self._rows.order_by().count()

    @property
    def has_next_page(self) -> bool:
        return len(self._found) > self.take

    @property
    def has_previous_page(self) -> bool:
        return self.skip > 0


def checked_window(skip: int | None, take: int | None) -> tuple[int, int]:
    """Return `skip` and `take` with their defaults. Raise UnprocessableEntity if they are out of range."""
    if skip is not None and skip < 0:
        raise UnprocessableEntity(_("skip cannot be negative."))
    if take is not None and not 0 <= take <= MAX_PAGE_SIZE:
        raise UnprocessableEntity(_("take is at least 0 and at most %(limit)s.") % {"limit": MAX_PAGE_SIZE})
    return skip or 0, DEFAULT_PAGE_SIZE if take is None else take


def ordering_of(orders: Sequence[Mapping[str, Any]], branch: Branch, *, actor: Actor) -> list[Any]:
    """Return the ordering of a coerced `order`. Absent values come first, or last when descending.

    Raise UnprocessableEntity for more than MAX_ORDERS fields, Forbidden for attributes not open to the actor.
    """
    if len(orders) > MAX_ORDERS:
        raise UnprocessableEntity(_("Rows are ordered by at most %(limit)s fields.") % {"limit": MAX_ORDERS})
    return [_ordered_by(order, branch, actor) for order in orders]


def _ordered_by(order: Mapping[str, Any], branch: Branch, actor: Actor) -> Any:
    # The input types guarantee one field per level, never an array.
    ((name, said),) = order.items()
    field = branch.fields[name]
    if isinstance(field, Branch):
        return _ordered_by(said, field, actor)
    if isinstance(field, Many):
        raise AssertionError(f"{name} has no order")
    if isinstance(field, Attribute):
        check_open_to(actor, field, name)
    key: Any = field.sort_key(F("details"))
    if field.kind in (TEXT, PHONE):
        key = Folded(key)
    if isinstance(field, Attribute) and field.is_never_null:
        # No NULLS FIRST or LAST: an index in plain order would not match it.
        return key.desc() if said == DESCENDING else key.asc()
    return key.desc(nulls_last=True) if said == DESCENDING else key.asc(nulls_first=True)
