"""The contact admin: the changelist and the URLs of a contact's pages."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.db.models.functions import Upper
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from accounts.admin_actor import CappedChangeList, VisibleToActorAdmin, actor_of
from audit.access.admin import looked_in_admin
from changerequests.admin.waiting import AskingAdmin
from contacts.admin.access import save_access
from contacts.admin.anonymizing import anonymize_page
from contacts.admin.as_of import as_of_page
from contacts.admin.base import DETAILS, added_pages, contact_context, survivor_page
from contacts.admin.changelist import Contacts, PendingFilter, TypeFilter
from contacts.admin.creating import create_page
from contacts.admin.editing import edit_page
from contacts.admin.history import history_page, requests_page
from contacts.admin.inlines import AssignmentInline, ParticipantInline
from contacts.admin.links import (
    act_on_channel,
    add_connection,
    channels_page,
    connections_page,
)
from contacts.admin.pictures import change_picture, picture_page, show_picture, show_picture_file
from contacts.admin.shown_contacts import ShownContactsPaginator
from contacts.display import laid_out
from contacts.models import CONTACT_SCHEMA, START_OF_NAME, Contact
from contacts.permissions import MAY_ADD, MAY_CHANGE
from contacts.queries.details import pending_addresses
from contacts.queries.searching import search_contacts
from core.search import id_in
from schemas.forms import ListChoicesMixin
from schemas.queries import current_schema

# URL below the contact -> view. Each view checks its own permission, which its docstring names.
PAGES = {
    "edit": edit_page,
    "changes": history_page,
    "as-of": as_of_page,
    "requests": requests_page,
    "connections": connections_page,
    "connections/add": add_connection,
    "channels": channels_page,
    "channels/act": act_on_channel,
    "picture": picture_page,
    "picture/change": change_picture,
    "picture/image": show_picture,
    "anonymize": anonymize_page,
}


@admin.register(Contact)
class ContactAdmin(ListChoicesMixin, AskingAdmin, VisibleToActorAdmin):
    sidebar_icon = "contacts"
    daily_work = 2
    list_display = ["full_name", "type", "login_name", "participant_names", "pending"]
    list_filter = [TypeFilter, "participants", PendingFilter]
    search_fields = ["name"]
    search_help_text = _("Name, phone, email, birth date, address, number of an account or any other id")
    ordering = ["-id"]
    sortable_by = ["full_name", "login_name"]
    paginator = ShownContactsPaginator

    class Media:
        css = {
            "all": ["core/details.css", "core/controls.css", "schemas/form.css", "contacts/pages.css"],
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        """Return the contacts; those of pages know whether others were merged into them."""
        rows: QuerySet[Contact] = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and (match.url_name or "").endswith("_changelist")
        return rows if is_list else rows.annotate(has_merged=Exists(Contact.objects.filter(merged_into=OuterRef("pk"))))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedChangeList]:
        return Contacts

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the paginator of the list, and of fields of other pages that offer contacts."""
        paginator = super().get_paginator(request, *args, **kwargs)
        paginator.reader = actor_of(request)
        return paginator

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        return search_contacts(queryset, search_term), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_ADD) and actor_of(request) is not None

    @display(description=_("name"), ordering=START_OF_NAME)
    def full_name(self, contact: Contact) -> str:
        return contact.name

    @display(description=_("username"), ordering=Upper("username"))
    def login_name(self, contact: Contact) -> str | None:
        """Sorts by the upper-case username, which has an index."""
        return contact.username

    @display(description=_("participants"))
    def participant_names(self, contact: Contact) -> str:
        return ", ".join(participant.name for participant in contact.participants.all())

    @display(description=_("change request"), label={True: "warning"})
    def pending(self, contact: Any) -> tuple[bool, str] | None:
        return (True, gettext("Pending review")) if contact.has_pending_change_request else None

    # ---- the contact's pages

    def get_urls(self) -> list[URLPattern]:
        views = PAGES | {page.name: page.view for page in added_pages()}
        pages = [
            path(f"<int:contact_id>/{address}/", self._page(view, address), name=f"contacts_contact_{_name(address)}")
            for address, view in views.items()
        ]
        picture = path(
            "picture-files/<str:name>/",
            self.admin_site.admin_view(show_picture_file),
            name="contacts_contact_picture_file",
        )
        return [*pages, picture, *super().get_urls()]

    def _page(self, view: Any, address: str) -> Any:
        def page(request: HttpRequest, contact_id: int) -> HttpResponse:
            answer: HttpResponse
            try:
                answer = view(self, request, contact_id)
            except Http404:
                moved = None if request.method != "GET" else survivor_page(request, contact_id, _name(address))
                if moved is None:
                    raise
                return moved
            return answer

        return self.admin_site.admin_view(page)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().change_view(request, object_id, form_url, extra_context)
        except Http404:
            contact_id = id_in(object_id)
            moved = None if contact_id is None or request.method != "GET" else survivor_page(request, contact_id)
            if moved is None:
                raise
            return moved

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return create_page(self, request)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        answer: HttpResponse = super().history_view(request, object_id, extra_context)
        looked_in_admin(request, [int(unquote(object_id))])
        return answer

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[type[TabularInline]]:
        """Only for users who may change them; others see the names at the top of the page."""
        return [ParticipantInline, AssignmentInline] if request.user.has_perm(MAY_CHANGE) else []

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """No field of the contact is in the form, so a POST cannot change any."""
        return []

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        """Do not save: writing the row back would overwrite concurrent changes."""

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Sequence[Any], change: bool) -> None:
        text = save_access(request, form.instance, formsets)
        if text:
            self.say_that_it_waits(request, text)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context |= {
            **contact_context(request, obj, tab=DETAILS),
            "participants": obj.participants.all(),
            "members": obj.members.select_related("user").order_by("pk"),
            "boxes": laid_out(current_schema(CONTACT_SCHEMA), obj.details, pending=pending_addresses(obj)),
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
        }
        return super().render_change_form(request, context, add, change, form_url, obj)


def _name(address: str) -> str:
    return address.replace("/", "_")
