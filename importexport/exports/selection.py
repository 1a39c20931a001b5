"""Which rows an export holds: those that its actor sees, narrowed by a query or by the filter of the admin's list."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.main import ERROR_FLAG, IGNORED_PARAMS, PAGE_VAR, SEARCH_VAR
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django_filters import FilterSet

from accounts.actor import Actor
from contacts.filters import ContactFilterSet
from core.errors import BadRequest
from importexport.exports.columns import MODELS, Column, columns_of, with_connection
from importexport.graphql.filters import filtered_rows
from importexport.models import ExportKind
from legalentities.filters import LegalEntityFilterSet


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be exported; `query` and `list_filter` are empty for all rows, `columns` is None for all of them."""

    kind: str
    query: str = ""
    list_filter: str = ""
    columns: Collection[str] | None = None


# The filters of each kind's list in the admin.
FILTER_SETS: dict[str, type[FilterSet]] = {
    ExportKind.CONTACTS: ContactFilterSet,
    ExportKind.LEGAL_ENTITIES: LegalEntityFilterSet,
}
# Parameters of the list that do not narrow it.
NO_FILTERS = frozenset({PAGE_VAR, ERROR_FLAG, *IGNORED_PARAMS}) - {SEARCH_VAR}


def selected_rows(selection: Selection, actor: Actor) -> QuerySet[Any]:
    """Return the selected rows that the actor sees, without reading any. Raises BadRequest, naming the fault."""
    rows: QuerySet[Any] = MODELS[selection.kind].objects.visible_to(actor)
    if selection.query:
        rows = filtered_rows(query=selection.query, root=selection.kind, actor=actor)
    if selection.list_filter:
        rows = _narrowed(rows, selection)
    return with_connection(rows) if selection.kind == ExportKind.CONTACTS else rows


def selected_columns(selection: Selection) -> list[Column]:
    """Return the selected columns that there are, in order. Raises NotFound if there is no schema."""
    columns = columns_of(selection.kind)
    if selection.columns is None:
        return columns
    return [column for column in columns if column.header in selection.columns]


def _narrowed(rows: QuerySet[Any], selection: Selection) -> QuerySet[Any]:
    """Return the rows that the admin's list shows under its query string, on all of its pages."""
    parameters = QueryDict(selection.list_filter)
    filters = FILTER_SETS[selection.kind](parameters, queryset=rows)
    if parameters.keys() - filters.filters.keys() - NO_FILTERS or not filters.is_valid():
        raise BadRequest(_("The list has no such filter."))
    narrowed: QuerySet[Any] = filters.qs
    return narrowed
