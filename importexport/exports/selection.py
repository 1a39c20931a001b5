"""Which rows an export holds: those that its actor sees, narrowed by a query or by the filter of the admin's list."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.errors import BadRequest
from importexport.exports.columns import MODELS, with_connection
from importexport.graphql.filters import filtered_rows
from importexport.models import ExportKind


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be exported; `query` and `list_filter` are empty for all rows."""

    kind: str
    query: str = ""
    list_filter: str = ""


def selected_rows(selection: Selection, actor: Actor) -> QuerySet[Any]:
    """The rows that are selected and that the actor sees; reads none. Raises BadRequest, saying what is wrong."""
    rows: QuerySet[Any] = MODELS[selection.kind].objects.visible_to(actor)
    if selection.query:
        rows = filtered_rows(query=selection.query, root=selection.kind, actor=actor)
    if selection.list_filter:
        listed = _rows_of_list(selection, actor)
        rows = rows.filter(pk__in=listed.order_by().values("pk"))
    return with_connection(rows) if selection.kind == ExportKind.CONTACTS else rows


def _rows_of_list(selection: Selection, actor: Actor) -> QuerySet[Any]:
    """The rows that the admin's list shows under this query string, on all of its pages.

    The list itself is asked, so that search and filters mean here what they mean there.
    """
    request = HttpRequest()
    request.method = "GET"
    request.GET = QueryDict(selection.list_filter)
    request.user = actor.user  # type: ignore[assignment] # members alone have a list
    try:
        change_list = admin.site.get_model_admin(MODELS[selection.kind]).get_changelist_instance(request)
    except (IncorrectLookupParameters, SuspiciousOperation):
        raise BadRequest(_("The list has no such filter.")) from None
    rows: QuerySet[Any] = change_list.get_queryset(request)
    return rows
