"""Paging for all searches: pages start at 1, with 20 rows by default and 200 at most."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, Model, QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers

from core.serializers import StrictIntegerField, StrictSerializer, optional

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 200
ASCENDING, DESCENDING = SORT_ORDERS = ("Ascending", "Descending")

# Up to this many rows, finding and sorting all of them is faster than an index scan in sort order that filters.
FEW = 5_000

M = TypeVar("M", bound=Model)


class PageSerializer(StrictSerializer):
    """Which page to return. A page or pageSize of 0 is treated as absent."""

    page = optional(StrictIntegerField, min_value=0, help_text="Counted from 1; 0 reads as 1.")
    pageSize = optional(
        StrictIntegerField,
        min_value=0,
        max_value=MAX_PAGE_SIZE,
        help_text=f"{DEFAULT_PAGE_SIZE} unless said; 0 reads as not said.",
    )


class PagingSerializer(PageSerializer):
    """The paging properties of a search request whose order can be chosen."""

    sortOrder = optional(
        serializers.ChoiceField, choices=SORT_ORDERS, help_text="`Descending` unless said: latest first."
    )


class SortByField(serializers.ChoiceField):
    """A sort column: one of the search's columns. Null or absent selects the search's default."""

    def __init__(self, columns: Iterable[str], **kwargs: Any) -> None:
        super().__init__(choices=list(columns), required=False, allow_null=True, default=None, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            raise serializers.ValidationError(_("Expected one of: %(known)s.") % {"known": ", ".join(self.choices)})
        return data


class PagedSerializer(serializers.Serializer):
    """The paging properties of a search response. Each search adds its `results`."""

    page = serializers.IntegerField()
    pageSize = serializers.IntegerField()
    pageCount = serializers.IntegerField()
    totalCount = serializers.IntegerField()


@cache
def row_renderer(shape: type[serializers.Serializer]) -> Callable[[Any], dict[str, Any]]:
    """Return the function that renders a row. Cached, so that each search does not build the fields again."""
    return shape().to_representation


def ordered(
    rows: QuerySet[M], criteria: Mapping[str, Any], *, columns: Mapping[str, str | Func], default: str
) -> QuerySet[M]:
    """Order by `sortBy`, a key of `columns`, then by id, so that pages neither repeat nor skip a row."""
    descending = criteria["sortOrder"] != ASCENDING
    chosen = columns[criteria["sortBy"] or default]
    column: Any = F(chosen) if isinstance(chosen, str) else chosen
    # No NULLS FIRST/LAST on NOT NULL columns: an index in plain order would not match it.
    is_nullable = not isinstance(chosen, str) or rows.model._meta.get_field(chosen).null
    absent = {"nulls_last" if descending else "nulls_first": True} if is_nullable else {}
    return rows.order_by(column.desc(**absent) if descending else column.asc(**absent), "-id" if descending else "id")


def with_keys(rows: QuerySet[M], keys: QuerySet[Any, Any]) -> QuerySet[M]:
    """Return the rows whose primary keys a limited subquery finds.

    As an array the keys are found once and before the rows. Of a subquery after IN, PostgreSQL may compare each row of
    the table with each key, if it believes that finding the keys costs so much that this makes no difference.
    """
    found = ArraySubquery(keys)
    return rows.filter(
        Func(F("pk"), found, arg_joiner=" = ANY(", template="%(expressions)s)", output_field=BooleanField())
    )


def keys_in_order(rows: QuerySet[M], *, total: int, start: int, stop: int) -> QuerySet[M, Any]:
    """Return the primary keys of rows `start` to `stop` (exclusive) of `total`, in order, for `with_keys`.

    Small results are found first and then sorted; otherwise PostgreSQL may scan an index in sort order through the
    whole table until it has enough matches.
    """
    if total <= FEW:
        # The LIMIT stops PostgreSQL from flattening the subquery. Twice FEW allows for rows added since the count.
        found = rows.order_by().values("pk")[: 2 * FEW]
        rows = with_keys(rows.model._default_manager.all(), found).order_by(*rows.query.order_by)
    return rows.values("pk")[start:stop]


def page_of(
    criteria: Mapping[str, Any],
    found: Callable[[int, int], tuple[Iterable[Any], int]],
    *,
    render: Callable[[Any], Mapping[str, Any]],
) -> dict[str, Any]:
    """Return one page with its counts. `found` returns the rows from one place to another, and how many there are."""
    page, size = criteria["page"] or 1, criteria["pageSize"] or DEFAULT_PAGE_SIZE
    start = (page - 1) * size
    rows, total = found(start, start + size)
    return {
        "results": [render(row) for row in rows],
        "page": page,
        "pageSize": size,
        "pageCount": -(-total // size),
        "totalCount": total,
    }


def paginate(
    rows: QuerySet[M],
    criteria: Mapping[str, Any],
    *,
    render: Callable[[Any], Mapping[str, Any]],
    shown: Callable[[Any], Iterable[Any]] = lambda rows: rows,
) -> dict[str, Any]:
    """Return one page of `rows` with its counts. Runs two queries, or one if the page is past the end.

    `shown` adds the joins that rendering needs, or turns the rows into what is rendered. It is applied to the page's
    rows only: sorting all matches with these joins would take many times as long.
    """

    def found(start: int, stop: int) -> tuple[Iterable[Any], int]:
        total = rows.order_by().count()
        if start >= total:
            return (), total
        keys = keys_in_order(rows, total=total, start=start, stop=stop)
        on_page = with_keys(rows.model._default_manager.all(), keys)
        return shown(on_page.order_by(*rows.query.order_by)), total

    return page_of(criteria, found, render=render)
