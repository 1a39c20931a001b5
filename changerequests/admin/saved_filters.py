"""Filters above the queue as links: those that everybody has, and the member's own, which it saves and deletes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from accounts.actor import Actor
from accounts.admin_actor import actor_of
from changerequests.addresses import ASSIGNED, DUE, INITIATOR, MINE, OVERDUE, TURN
from changerequests.admin.base import RequestAdmin
from changerequests.admin.filters import ALL, MOMENTS, PENDING, StatusFilter, offered
from changerequests.models import SavedFilter, Status
from changerequests.services.saved_filters import LONGEST_NAME, delete_filter, save_filter
from core.errors import ApiError, NotFound

STATUS = StatusFilter.parameter_name
# What distinguishes the filters that everybody has; one replaces another, and keeps the rest.
CHOSEN = (TURN, DUE, STATUS, INITIATOR)


@dataclass(frozen=True, slots=True)
class FilterLink:
    """A link to the queue with some filters; `saved` if the member has saved them."""

    name: str
    query_string: str
    is_present: bool
    saved: SavedFilter | None = None


@dataclass(frozen=True, slots=True)
class FilterLinks:
    """The links above the list. `query` has the present filters, without a search term."""

    links: list[FilterLink]
    query: str
    longest_name: int = LONGEST_NAME

    @property
    def may_save(self) -> bool:
        """Whether there are filters that the member has not saved yet."""
        return bool(self.query) and not any(link.saved and link.is_present for link in self.links)


def filter_links(changelist: ChangeList, request: HttpRequest) -> FilterLinks:
    """Return the links for the member who looks at the list."""
    model_admin: Any = changelist.model_admin
    present = model_admin.kept_filters(request.GET)
    return FilterLinks([*_of_everybody(changelist, request), *_own(request, present)], present)


def _of_everybody(changelist: ChangeList, request: HttpRequest) -> Iterator[FilterLink]:
    actor = actor_of(request)
    if actor is None:
        return
    own = {INITIATOR: str(actor.member_id)}
    filters: Mapping[str, Mapping[str, str]] = {
        gettext("Mine to decide"): {TURN: MINE},
        gettext("Assigned to me"): {TURN: ASSIGNED},
        gettext("Overdue"): {DUE: OVERDUE},
        gettext("Returned to me"): {STATUS: str(Status.RETURNED.value), **own},
        gettext("Requested by me"): {STATUS: ALL, **own},
    }
    present = {
        name: value for name in CHOSEN if (value := request.GET.get(name)) and (name, value) != (STATUS, PENDING)
    }
    for name, chosen in filters.items():
        query_string = changelist.get_query_string({**dict.fromkeys((*CHOSEN, *MOMENTS)), **chosen})
        yield FilterLink(name, query_string, chosen == present)


def _own(request: HttpRequest, present: str) -> Iterator[FilterLink]:
    for saved in offered(request).saved:
        yield FilterLink(saved.name, f"?{saved.query}", saved.query == present, saved)


class SavedFilterAdmin(RequestAdmin):
    """Saves and deletes filters of the member's own."""

    def get_urls(self) -> list[URLPattern]:
        def page(address: str, view: Any, name: str) -> URLPattern:
            return path(address, self.admin_site.admin_view(view), name=f"changerequests_changerequest_{name}")

        return [
            page("filters/save/", self.save_filter, "save_filter"),
            page("filters/<int:filter_id>/delete/", self.delete_filter, "delete_filter"),
            *super().get_urls(),
        ]

    def kept_filters(self, query: QueryDict) -> str:
        """Return the filters of the list among the parameters of a URL, in one order.

        The search term is left out, because it may name a client, and so is everything that the list does not know.
        """
        filters: Any = self.list_filter
        known = {f"{one[0]}__id__exact" if isinstance(one, tuple) else one.parameter_name for one in filters}
        known |= {*MOMENTS, ORDER_VAR}
        return urlencode(sorted((name, value) for name, value in query.items() if name in known and value))

    @method_decorator(require_POST)
    def save_filter(self, request: HttpRequest) -> HttpResponse:
        """Save the filters of the list under a name, and go back to them."""
        actor, query = self._member(request), self.kept_filters(QueryDict(request.POST.get("query", "")))
        try:
            saved = save_filter(actor=actor, name=request.POST.get("name", ""), query=query)
        except ApiError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, gettext("The filters are saved as “%(name)s”.") % {"name": saved.name})
        return _list_with(query)

    @method_decorator(require_POST)
    def delete_filter(self, request: HttpRequest, filter_id: int) -> HttpResponse:
        """Delete one of the member's own filters, and go back to the list as it was."""
        try:
            delete_filter(actor=self._member(request), filter_id=filter_id)
        except NotFound as error:
            raise Http404 from error
        messages.success(request, gettext("The saved filter is deleted."))
        return _list_with(self.kept_filters(QueryDict(request.POST.get("query", ""))))

    def _member(self, request: HttpRequest) -> Actor:
        """Return the actor. Raises PermissionDenied for who may not see the list, or is no member."""
        actor = actor_of(request)
        if actor is None or not self.has_view_permission(request):
            raise PermissionDenied
        return actor


def _list_with(query: str) -> HttpResponse:
    address = reverse("admin:changerequests_changerequest_changelist")
    return HttpResponseRedirect(f"{address}?{query}" if query else address)
