"""Pages of every search: counted from 1, 20 rows unless said, 200 at most (design section 7)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from django.db.models import F, Model, QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers

from core.serializers import StrictIntegerField, StrictSerializer

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 200
ASCENDING, DESCENDING = SORT_ORDERS = ("Ascending", "Descending")

# So many rows are found and sorted sooner than fifty of them are met on a walk along an index through all others.
FEW = 5_000

M = TypeVar("M", bound=Model)


class PagingSerializer(StrictSerializer):
    """The paging part of a search's request. A page or pageSize of 0 reads as not given."""

    page = StrictIntegerField(required=False, default=1, min_value=0, help_text="Counted from 1; 0 reads as 1.")
    pageSize = StrictIntegerField(
        required=False,
        default=DEFAULT_PAGE_SIZE,
        min_value=0,
        max_value=MAX_PAGE_SIZE,
        help_text=f"{DEFAULT_PAGE_SIZE} unless said; 0 reads as not said.",
    )
    sortOrder = serializers.ChoiceField(
        choices=SORT_ORDERS, required=False, default=DESCENDING, help_text="`Descending` unless said: latest first."
    )


class SortByField(serializers.ChoiceField):
    """What a search can sort by: one of its columns, its default when null or absent."""

    def __init__(self, columns: Iterable[str], **kwargs: Any) -> None:
        super().__init__(choices=list(columns), required=False, allow_null=True, default=None, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            raise serializers.ValidationError(_("Expected one of: %(known)s.") % {"known": ", ".join(self.choices)})
        return data


class PagedSerializer(serializers.Serializer):
    """The paging part of a search's response; `results` is added by each search."""

    page = serializers.IntegerField()
    pageSize = serializers.IntegerField()
    pageCount = serializers.IntegerField()
    totalCount = serializers.IntegerField()


def ordered(rows: QuerySet[M], criteria: Mapping[str, Any], *, columns: Mapping[str, str], default: str) -> QuerySet[M]:
    """Order by `sortBy`, one of `columns`; the id settles ties, so that pages neither repeat nor skip a row."""
    descending = criteria["sortOrder"] == DESCENDING
    name = columns[criteria["sortBy"] or default]
    column = F(name)
    # Where nothing can be absent it is not said, so that an index in this order serves.
    absent = {"nulls_last" if descending else "nulls_first": True} if rows.model._meta.get_field(name).null else {}
    return rows.order_by(column.desc(**absent) if descending else column.asc(**absent), "-id" if descending else "id")


def keys_in_order(rows: QuerySet[M], *, total: int, start: int, stop: int) -> QuerySet[M, Any]:
    """The keys of the rows from `start` up to `stop` in their order, for use in a subquery; there are `total` rows.

    Where they are few they are all found first, and then sorted: PostgreSQL would walk through the whole table in the
    order that is asked for, if an index has it, until it has met enough of them.
    """
    if total <= FEW:
        # The limit alone keeps the search apart from the order; it leaves room for what was added since the count.
        found = rows.order_by().values("pk")[: 2 * FEW]
        rows = rows.model._default_manager.filter(pk__in=found).order_by(*rows.query.order_by)
    return rows.values("pk")[start:stop]


def paginate(
    rows: QuerySet[M],
    criteria: Mapping[str, Any],
    *,
    render: Callable[[M], Mapping[str, Any]],
    shown: Callable[[Any], Iterable[M]] = lambda rows: rows,
) -> dict[str, Any]:
    """One page of `rows` with its counts, in two queries, or one when the page lies past the end.

    `shown` adds what is rendered with each row. Only the rows of the page are joined with it: to sort all that were
    found together with it would take many times as long.
    """
    page, size = criteria["page"] or 1, criteria["pageSize"] or DEFAULT_PAGE_SIZE
    total = rows.order_by().count()
    start = (page - 1) * size
    found: Iterable[M] = ()
    if start < total:
        keys = keys_in_order(rows, total=total, start=start, stop=start + size)
        on_page = rows.model._default_manager.filter(pk__in=keys)
        found = shown(on_page.order_by(*rows.query.order_by))
    return {
        "results": [render(row) for row in found],
        "page": page,
        "pageSize": size,
        "pageCount": -(-total // size),
        "totalCount": total,
    }
