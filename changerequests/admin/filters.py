"""Filters of the queue. Each ends in a condition that an index supports.

The changelist refuses values that are not among a filter's choices before they get here.
"""

from abc import abstractmethod
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter

from accounts.admin_actor import actor_of, actor_of_list
from accounts.models import Member
from changerequests.addresses import ASSIGNED, DUE, MINE, OVERDUE, TURN
from changerequests.kinds import all_kinds
from changerequests.models import OPEN, ChangeRequest, Source, Status
from changerequests.queries.requests import of_participant, start_of_week
from changerequests.queries.saved_filters import Offered, offered_to
from changerequests.queries.searching import is_overdue
from changerequests.queries.subjects import Presenters

Requests = QuerySet[ChangeRequest]
# For filters without a field in the filter form: a hidden input, or submitting the form would drop them.
KEPT = "admin/changerequests/includes/kept_filter.html"
# Bounds without a field; links from the dashboard's figures use them.
MOMENTS = ("created_at__gte", "created_at__lt", "reviewed_at__gte", "reviewed_at__lt")
ALL = "all"
PENDING = str(Status.PENDING.value)
# What a link to requests of one status drops: what only some statuses have.
WITHOUT = dict.fromkeys((TURN, DUE, *MOMENTS))


def chosen_status(request: HttpRequest) -> str:
    """Return the selected status or ALL. The default is pending, because the queue shows what waits."""
    asked = request.GET.get(StatusFilter.parameter_name, PENDING)
    return asked if asked in {ALL, *(str(status.value) for status in Status)} else PENDING


class WalkRequest(HttpRequest):
    """A request for all rows of the queue in order, without paging."""

    def __init__(self, filters: str, of: HttpRequest) -> None:
        super().__init__()
        self.method = "GET"
        self.GET = QueryDict(filters)
        self.user = of.user


def presenters_of(request: Any) -> Presenters:
    """Return the presenters of the page, which its filters and its rows share."""
    if not hasattr(request, "request_presenters"):
        request.request_presenters = Presenters()
    presenters: Presenters = request.request_presenters
    return presenters


def offered(request: Any) -> Offered:
    """Return what the page offers to choose from, which is loaded at once."""
    if not hasattr(request, "requests_offered"):
        actor = actor_of(request)
        request.requests_offered = offered_to(None if actor is None else actor.member_id)
    found: Offered = request.requests_offered
    return found


class LoadedFilter(DropdownFilter):
    """A filter whose choices are loaded: not to walk the queue, where nobody chooses, unless one is chosen."""

    @abstractmethod
    def loaded(self, request: HttpRequest) -> list[tuple[str, str]]: ...

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        if isinstance(request, WalkRequest) and self.parameter_name not in request.GET:
            return []
        return self.loaded(request)


class StatusFilter(admin.SimpleListFilter):
    """Rendered as tabs above the list."""

    title = _("status")
    parameter_name = "status"
    template = KEPT

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.chosen = chosen_status(request)
        # The open ones first.
        order = [*OPEN, *(status for status in Status if status not in OPEN)]
        return [*((str(status.value), str(status.label)) for status in order), (ALL, gettext("All"))]

    def queryset(self, request: HttpRequest, queryset: Requests) -> Requests:
        return queryset if self.chosen == ALL else queryset.filter(status=self.chosen)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, title in self.lookup_choices:
            yield {
                "selected": value == self.chosen,
                "kept": self.parameter_name if value == self.chosen != PENDING else None,
                "value": value,
                "query_string": changelist.get_query_string({**WITHOUT, self.parameter_name: value}),
                "display": title,
            }


class LinkedFilter(admin.SimpleListFilter):
    """A filter that is chosen by a link above the list."""

    template = KEPT

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield {"kept": self.parameter_name if self.value() else None, "value": self.value()}


class TurnFilter(LinkedFilter):
    """What the member could decide now, which `RequestAdmin` starts from, or what is assigned to it."""

    title = _("turn")
    parameter_name = TURN

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(MINE, gettext("Mine to decide")), (ASSIGNED, gettext("Assigned to me"))]

    def queryset(self, request: HttpRequest, queryset: Requests) -> Requests:
        if self.value() != ASSIGNED:
            return queryset
        actor = actor_of_list(request)
        return queryset.filter(assignment__member=None if actor is None else actor.member_id)


class DueFilter(LinkedFilter):
    title = _("due")
    parameter_name = DUE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(OVERDUE, gettext("Overdue"))]

    def queryset(self, request: HttpRequest, queryset: Requests) -> Requests:
        return queryset.filter(is_overdue()) if self.value() else queryset


class KindFilter(DropdownFilter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        kinds = [(kind.key, str(kind.label)) for kind in all_kinds()]
        return [*kinds, *((source.value, str(source.label)) for source in Source)]

    def queryset(self, request: HttpRequest, queryset: Any) -> Requests:
        value = self.value()
        return queryset.of_shown_kinds([value]) if value else queryset


class AgeFilter(DropdownFilter):
    """A minimum age, a maximum age or both in days; the dashboard counts by these ranges."""

    title = _("age")
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("fresh", gettext("A day at most")),
            ("1-3", gettext("1 to 3 days")),
            ("3-7", gettext("3 to 7 days")),
            ("7-30", gettext("7 to 30 days")),
            ("1", gettext("More than a day")),
            ("3", gettext("More than three days")),
            ("7", gettext("More than a week")),
            ("30", gettext("More than a month")),
        ]

    def queryset(self, request: HttpRequest, queryset: Requests) -> Requests:
        value = self.value()
        if not value:
            return queryset
        least, _dash, most = ("0", "-", "1") if value == "fresh" else value.partition("-")
        if most:
            queryset = queryset.filter(created_at__gte=timezone.now() - timedelta(days=int(most)))
        if int(least):
            queryset = queryset.filter(created_at__lt=timezone.now() - timedelta(days=int(least)))
        return queryset


class DecidedFilter(DropdownFilter):
    title = _("decided")
    parameter_name = "decided"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("today", gettext("Today")), ("week", gettext("This week"))]

    def queryset(self, request: HttpRequest, queryset: Requests) -> Requests:
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        match self.value():
            case "today":
                return queryset.filter(reviewed_at__gte=today)
            case "week":
                return queryset.filter(reviewed_at__gte=start_of_week(today))
        return queryset


class InitiatorFilter(AutocompleteSelectFilter):
    """Autocompletes members for users who may view them; a link with a member works for everybody."""

    def __init__(self, field: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(field, request, *args, **kwargs)
        self.is_field = admin.site.get_model_admin(Member).has_view_permission(request)
        if not self.is_field:
            self.template = KEPT

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        if self.is_field:
            yield from super().choices(changelist)
        elif self.value():
            yield {"kept": self.lookup_kwarg, "value": self.value()}


class ParticipantFilter(LoadedFilter):
    """The participant that the subject belongs to."""

    title = _("participant")
    parameter_name = "participant"

    def loaded(self, request: HttpRequest) -> list[tuple[str, str]]:
        return offered(request).participants

    def queryset(self, request: HttpRequest, queryset: Requests) -> Requests:
        value = self.value()
        return of_participant(queryset, int(value)) if value else queryset


class FieldFilter(LoadedFilter):
    """A changed field, chosen by label. Fields inside arrays are not offered: arrays change whole."""

    title = _("field")
    parameter_name = "field"

    def loaded(self, request: HttpRequest) -> list[tuple[str, str]]:
        presenters = presenters_of(request)
        return [(field.path, field.label) for kind in all_kinds() for field in presenters[kind.key].choosable_fields()]

    def queryset(self, request: HttpRequest, queryset: Requests) -> Requests:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(paths__contains=[value])
