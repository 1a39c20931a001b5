"""The changelist of contacts: its query and filters."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.admin_paging import KeyedChangeList
from accounts.models import Participant
from contacts.filters import ContactFilterSet
from contacts.models import CONTACT_TYPES, Contact
from contacts.queries.contacts import with_pending_request
from schemas.queries import list_data


class ContactFilter(admin.SimpleListFilter):
    """Base of the list's filters: the FilterSet says what a value means, so that exports agree with the list."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        value = self.value()
        if not value:
            return queryset
        rows: QuerySet[Contact] = ContactFilterSet({self.parameter_name: value}, queryset=queryset).qs
        return rows


class TypeFilter(ContactFilter):
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(item.id), item.name()) for item in list_data(CONTACT_TYPES).sorted_items(get_language() or "")]


class PendingFilter(ContactFilter):
    title = _("change request")
    parameter_name = "pending"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        choices: list[tuple[str, str]] = ContactFilterSet.base_filters[self.parameter_name].extra["choices"]
        return choices


class Contacts(KeyedChangeList):
    """Loads only what a row shows."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Contact]:
        rows = with_pending_request(super().get_queryset(request, exclude_parameters))
        participants = Prefetch("participants", Participant.objects.only("name"))
        return rows.select_related("type").prefetch_related(participants).defer("details")
