"""Contacts in the admin: to look at. Details change in the one way of their services, and never by this form."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, Prefetch, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from accounts.admin_actor import CappedChangeList, VisibleToActorAdmin
from accounts.models import Participant
from changerequests.models import ChangeRequest, Status
from changerequests.queries import latest_history, latest_requests, with_pending_request
from contacts.display import laid_out, shown_changes
from contacts.models import CONTACT_SCHEMA, CONTACT_TYPES, Contact, ContactAssignment, ContactParticipant
from contacts.queries import found_by_people
from schemas.queries import current_schema, list_data

CHANGE_SETS_SHOWN = 20
REQUESTS_SHOWN = 20
MAY_CHANGE = "contacts.change_contact"


class TypeFilter(admin.SimpleListFilter):
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(item.id), item.name()) for item in list_data(CONTACT_TYPES).sorted_items(get_language() or "")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        known = {value for value, _name in self.lookup_choices}
        value = self.value()
        return queryset.filter(type=int(value)) if value in known and value is not None else queryset


class PendingFilter(admin.SimpleListFilter):
    title = _("change request")
    parameter_name = "pending"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", gettext("Waits for review")), ("no", gettext("None waits"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        waiting = ChangeRequest.objects.filter(status=Status.PENDING).values("contact")
        match self.value():
            case "yes":
                return queryset.filter(pk__in=waiting)
            case "no":
                return queryset.exclude(pk__in=waiting)
        return queryset


class Contacts(CappedChangeList):
    """Reads what a row shows and no more."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Contact]:
        rows = with_pending_request(super().get_queryset(request, exclude_parameters))
        participants = Prefetch("participants", Participant.objects.only("name"))
        return rows.select_related("type").prefetch_related(participants).defer("details")


class _LinkInline(TabularInline):
    """Who belongs to a contact: added and removed by staff who may change contacts, never edited in place."""

    extra = 0
    hide_title = True

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_CHANGE)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_CHANGE)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_CHANGE)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ParticipantInline(_LinkInline):
    model = ContactParticipant
    autocomplete_fields = ["participant"]
    verbose_name = _("participant")
    verbose_name_plural = _("participants")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactParticipant]:
        return super().get_queryset(request).select_related("participant").order_by("participant__name")


class AssignmentInline(_LinkInline):
    model = ContactAssignment
    autocomplete_fields = ["member"]
    verbose_name = _("member who looks after the contact")
    verbose_name_plural = _("members who look after the contact")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactAssignment]:
        return super().get_queryset(request).select_related("member__user").order_by("pk")


@admin.register(Contact)
class ContactAdmin(VisibleToActorAdmin):
    list_display = ["name", "type", "username", "participant_names", "pending"]
    list_filter = [TypeFilter, "participants", PendingFilter]
    search_fields = ["name"]
    search_help_text = _("Name, username, id or external id")
    ordering = ["-id"]
    sortable_by = ["name", "username"]

    class Media:
        css = {"all": ["contacts/details.css"]}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedChangeList]:
        return Contacts

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        return found_by_people(queryset, search_term), False

    @display(description=_("participants"))
    def participant_names(self, contact: Contact) -> str:
        return ", ".join(participant.name for participant in contact.participants.all())

    @display(description=_("change request"), label={True: "warning"})
    def pending(self, contact: Any) -> tuple[bool, str] | None:
        return (True, gettext("Waits for review")) if contact.has_pending_change_request else None

    # ---- the contact's page

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[type[TabularInline]]:
        """Only for those who may use them: for the others the names stand at the top of the page."""
        return [ParticipantInline, AssignmentInline] if request.user.has_perm(MAY_CHANGE) else []

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """No field of the contact is in the form: what the page shows of it cannot be sent back."""
        return []

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        """Leave the row alone: writing it back would undo what others have changed meanwhile."""

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        schema = current_schema(CONTACT_SCHEMA)
        requests = list(latest_requests(contact_id=obj.pk, limit=REQUESTS_SHOWN))
        change_sets = latest_history(contact_id=obj.pk, limit=CHANGE_SETS_SHOWN)
        context |= {
            "title": str(obj),
            "contact": obj,
            "participants": obj.participants.all(),
            "members": obj.members.select_related("user").order_by("pk"),
            "boxes": laid_out(schema, obj.details),
            "change_requests": requests,
            "pending_request": next((request for request in requests if request.is_pending), None),
            "history": [(change_set, shown_changes(schema, change_set.changes)) for change_set in change_sets],
            "connections": obj.external_connections.all(),
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
        }
        return super().render_change_form(request, context, add, change, form_url, obj)
