"""The changelist of contacts: its query and filters."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin_paging import KeyedChangeList
from accounts.models import Participant
from changerequests.models import ChangeRequest, Status
from contacts.models import CONTACT_TYPES, Contact
from contacts.queries.contacts import with_pending_request
from schemas.queries import list_data


class TypeFilter(admin.SimpleListFilter):
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(item.id), item.name()) for item in list_data(CONTACT_TYPES).sorted_items(get_language() or "")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        value = self.value()
        return queryset.filter(type=int(value)) if value else queryset


class PendingFilter(admin.SimpleListFilter):
    title = _("change request")
    parameter_name = "pending"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", gettext("Waits for review")), ("no", gettext("None waits"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        waiting = ChangeRequest.objects.filter(status=Status.PENDING).values("subject")
        match self.value():
            case "yes":
                return queryset.filter(pk__in=waiting)
            case "no":
                return queryset.exclude(pk__in=waiting)
        return queryset


class Contacts(KeyedChangeList):
    """Loads only what a row shows."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Contact]:
        rows = with_pending_request(super().get_queryset(request, exclude_parameters))
        participants = Prefetch("participants", Participant.objects.only("name"))
        return rows.select_related("type").prefetch_related(participants).defer("details")
