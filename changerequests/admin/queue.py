"""The queue as a list, and as the order in which its requests are walked through."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters, ModelAdmin
from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from accounts.admin_actor import actor_of
from accounts.admin_paging import KeyedChangeList
from changerequests.admin.filters import MOMENTS, StatusFilter
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest


class Queue(KeyedChangeList):
    """Reads what a row shows and no more; one presenter has the labels of the fields of all rows.

    Whether a request is outdated is known from its subject's document: it is read for the rows of the page only.
    """

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[ChangeRequest]:
        return super().get_queryset(request, exclude_parameters).with_people().defer("changes", "subject__details")

    @property
    def status_tabs(self) -> list[dict[str, Any]]:
        """The statuses as links above the list."""
        return [tab for spec in self.filter_specs if isinstance(spec, StatusFilter) for tab in spec.choices(self)]

    @property
    def unbounded_address(self) -> str:
        """Where the list is no longer bounded by moments; empty where it is not."""
        return self.get_query_string(remove=["p", *MOMENTS]) if set(MOMENTS) & set(self.params) else ""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        kind = request_kind()
        presenter = kind.presenter()
        actor = actor_of(request)
        outdated = kind.outdated([row.pk for row in self.result_list if row.is_pending])
        for row in self.result_list:
            row.field_labels = presenter.field_labels(row.paths)
            row.is_own = actor is not None and row.initiator_member_id == actor.member_id
            row.is_outdated = row.pk in outdated


class WalkRequest(HttpRequest):
    """Asks for the rows of the queue in their order, and for no page of them."""

    def __init__(self, filters: str, of: HttpRequest) -> None:
        super().__init__()
        self.method = "GET"
        self.GET = QueryDict(filters)
        self.user = of.user


class Walk(Queue):
    """The queue without a page: nothing is counted and no row is read."""

    def get_results(self, request: HttpRequest) -> None:
        """Reads nothing."""


def walked_rows(model_admin: ModelAdmin, request: HttpRequest) -> QuerySet[ChangeRequest]:
    """The rows of the queue that the page of a request was come to from, in the order of the queue; reads none.

    Filters that make no sense are as if there were none: they are a part of an address that anybody may write.
    """
    filters = request.GET.get("_changelist_filters", "")
    for asked in (WalkRequest(filters, request), WalkRequest("", request)):
        try:
            return model_admin.get_changelist_instance(asked).queryset
        except (IncorrectLookupParameters, SuspiciousOperation):
            continue
    raise AssertionError("the queue without filters makes sense")
