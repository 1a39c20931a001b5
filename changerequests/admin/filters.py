"""What the queue can be narrowed by. Each filter ends in a condition that an index answers.

A value that is none of a filter's choices does not get here: the list refuses it.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter

from accounts.models import Member, Participant
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest, Status
from changerequests.queries import start_of_week

Requests = QuerySet[ChangeRequest]
# Of a filter that is no field of the form with the others: a hidden field, or that form would drop it.
KEPT = "admin/changerequests/includes/kept_filter.html"
# Bounds that no field offers and that the figures of the dashboard lead to the list with.
MOMENTS = ("created_at__gte", "created_at__lt", "reviewed_at__gte", "reviewed_at__lt")
ALL = "all"
PENDING = str(Status.PENDING.value)


def chosen_status(request: HttpRequest) -> str:
    """The status that the list shows, or ALL. Pending unless another is asked for: the queue is what waits."""
    asked = request.GET.get(StatusFilter.parameter_name, PENDING)
    return asked if asked in {ALL, *(str(status.value) for status in Status)} else PENDING


class StatusFilter(admin.SimpleListFilter):
    """Shown as tabs above the list."""

    title = _("status")
    parameter_name = "status"
    template = KEPT

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.chosen = chosen_status(request)
        return [*((str(status.value), str(status.label)) for status in Status), (ALL, gettext("All"))]

    def queryset(self, request: HttpRequest, queryset: Requests) -> Requests:
        return queryset if self.chosen == ALL else queryset.filter(status=self.chosen)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, title in self.lookup_choices:
            yield {
                "selected": value == self.chosen,
                "kept": self.parameter_name if value == self.chosen != PENDING else None,
                "value": value,
                "query_string": changelist.get_query_string({self.parameter_name: value}, ["p", *MOMENTS]),
                "display": title,
            }


class AgeFilter(DropdownFilter):
    """From so many days on, up to so many, or both: the dashboard counts by the ranges."""

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
    """Looks members up as one types, for those who may look at members; a link with a member works for everybody."""

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


class ParticipantFilter(DropdownFilter):
    """The organisation that the subject belongs to."""

    title = _("participant")
    parameter_name = "participant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in Participant.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: Requests) -> Requests:
        value = self.value()
        return request_kind().of_participant(queryset, int(value)) if value else queryset


class FieldFilter(DropdownFilter):
    """A field that is to be changed, by its label; fields inside of arrays change with the whole array."""

    title = _("field")
    parameter_name = "field"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(field.path, field.label) for field in request_kind().presenter().fields()]

    def queryset(self, request: HttpRequest, queryset: Requests) -> Requests:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(paths__contains=[value])
