"""The queue, as a changelist and as the order for stepping through its requests."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters, ModelAdmin
from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin_actor import actor_of
from accounts.admin_paging import KeyedChangeList
from changerequests.admin.filters import MOMENTS, StatusFilter, WalkRequest, presenters_of
from changerequests.admin.saved_filters import filter_links
from changerequests.looking import listed_in_admin
from changerequests.models import ChangeRequest
from changerequests.queries.subjects import attach_subjects, is_outdated, with_subjects


class Queue(KeyedChangeList):
    """Loads only what a row shows. One presenter of each kind supplies the field labels of its rows.

    Whether a request is outdated depends on its subject's document, which is loaded only for the rows of the page.
    """

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[ChangeRequest]:
        rows = super().get_queryset(request, exclude_parameters).with_people().with_claims()
        return with_subjects(rows.select_related("escalated_to"))

    @property
    def status_tabs(self) -> list[dict[str, Any]]:
        """The statuses as links above the list."""
        return [tab for spec in self.filter_specs if isinstance(spec, StatusFilter) for tab in spec.choices(self)]

    @property
    def unbounded_address(self) -> str:
        """The URL of the list without its time bounds; empty if it has none."""
        return self.get_query_string(dict.fromkeys(MOMENTS)) if set(MOMENTS) & set(self.params) else ""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        presenters = presenters_of(request)
        actor = actor_of(request)
        rows = list(self.result_list)
        attach_subjects(rows, with_documents=True)
        listed_in_admin(request, rows)
        for row in rows:
            row.field_labels = presenters[row.kind].field_labels(row.paths)
            row.is_own = actor is not None and row.is_asked_by(actor)
            row.is_outdated = is_outdated(row)
        self.result_list = rows
        self.filter_links = filter_links(self, request)


class Walk(Queue):
    """The queue without a page: counts and loads nothing."""

    def get_results(self, request: HttpRequest) -> None:
        """Load nothing."""


def walked_rows(model_admin: ModelAdmin, request: HttpRequest) -> QuerySet[ChangeRequest]:
    """Return the rows of the queue from which the request's page was opened, in queue order. Lazy.

    Ignores invalid filters: they come from the URL, which anybody can edit.
    """
    filters = request.GET.get("_changelist_filters", "")
    for asked in (WalkRequest(filters, request), WalkRequest("", request)):
        try:
            return model_admin.get_changelist_instance(asked).queryset
        except (IncorrectLookupParameters, SuspiciousOperation):
            continue
    raise AssertionError("the queue without filters makes sense")
