"""Legal entities in the admin: list and detail page."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_actor import CappedChangeList, VisibleToActorAdmin, actor_of
from accounts.admin_paging import KeyedChangeList, KeyedPaginator
from audit.queries import latest_entries
from changerequests.admin.messages import may_see_requests
from changerequests.queries.requests import open_request_of
from contactgroups.models import ContactGroup
from contacts.display import laid_out, shown_changes
from legalentities.admin.editing import create_page, edit_page, may_edit
from legalentities.models import LEGAL_ENTITY_DETAILS, LEGAL_ENTITY_SCHEMA, START_OF_NAME, LegalEntity
from legalentities.permissions import MAY_ADD
from legalentities.queries import groups_by_id, search_legal_entities, unseen_initiators
from schemas.forms import ListChoicesMixin
from schemas.queries import current_schema

ENTRIES_SHOWN = 20


class LegalEntities(KeyedChangeList):
    """Read only the columns that a row shows, and the groups of all rows in one query."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[LegalEntity]:
        return super().get_queryset(request, exclude_parameters).defer("details")

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        actor = actor_of(request)
        if actor is None:
            return
        groups = groups_by_id(actor=actor, group_ids={row.group_id for row in self.result_list})
        may_open = _may_open_groups(request)
        for row in self.result_list:
            row.group = groups[row.group_id]
            row.group_address = _address(row.group) if may_open else None


@admin.register(LegalEntity)
class LegalEntityAdmin(ListChoicesMixin, VisibleToActorAdmin):
    sidebar_icon = "business"
    list_display = ["title", "external_id", "group_link", "contact_count"]
    search_fields = ["name"]
    search_help_text = _("Name, id or external id")
    ordering = ["-id"]
    sortable_by = ["title", "external_id"]
    paginator = KeyedPaginator

    class Media:
        css = {"all": ["core/details.css", "core/controls.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[LegalEntity]:
        legal_entities: Any = super().get_queryset(request)
        return legal_entities.with_group()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedChangeList]:
        return LegalEntities

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LegalEntity], search_term: str
    ) -> tuple[QuerySet[LegalEntity], bool]:
        return search_legal_entities(queryset, search_term), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_ADD) and actor_of(request) is not None

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) or may_edit(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description=_("name"), ordering=START_OF_NAME)
    def title(self, legal_entity: LegalEntity) -> str:
        """Name or, without one, the uid, so that the row always has a link."""
        return str(legal_entity)

    @display(description=_("group"))
    def group_link(self, legal_entity: Any) -> str:
        if legal_entity.group_address is None:
            return str(legal_entity.group)
        return format_html('<a class="k-link" href="{}">{}</a>', legal_entity.group_address, legal_entity.group)

    @display(description=_("contacts"))
    def contact_count(self, legal_entity: Any) -> int:
        return legal_entity.group.contact_count

    # ---- creating and changing

    def get_urls(self) -> list[URLPattern]:
        edit = self.admin_site.admin_view(self.edit_view)
        return [path("<int:legal_entity_id>/edit/", edit, name="legalentities_legalentity_edit"), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return create_page(self, request)

    def edit_view(self, request: HttpRequest, legal_entity_id: int) -> HttpResponse:
        found: Any = self.get_object(request, str(legal_entity_id))
        return edit_page(self, request, found)

    # ---- the legal entity's page

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """No fieldsets: the template lays out the details by the schema."""
        return []

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        actor = actor_of(request)
        if actor is None:
            raise PermissionDenied
        schema = current_schema(LEGAL_ENTITY_SCHEMA)
        group = groups_by_id(actor=actor, group_ids=[obj.group_id])[obj.group_id]
        history = list(latest_entries(kind=LEGAL_ENTITY_DETAILS, subject_id=obj.pk, limit=ENTRIES_SHOWN))
        unseen = unseen_initiators(actor=actor, entries=history)
        context |= {
            "title": str(obj),
            "legal_entity": obj,
            "edit_address": reverse("admin:legalentities_legalentity_edit", args=[obj.pk]) if may_edit(request) else "",
            "group": group,
            "group_address": _address(group) if _may_open_groups(request) else None,
            "boxes": laid_out(schema, obj.details),
            "pending_request": open_request_of(kind=LEGAL_ENTITY_DETAILS, subject_id=obj.pk),
            "may_open_requests": may_see_requests(request),
            "history": [
                (
                    entry,
                    shown_changes(schema, entry.changes),
                    gettext("A contact that you cannot see") if entry.initiator_contact_id in unseen else "",
                )
                for entry in history
            ],
        }
        return super().render_change_form(request, context, add, change, form_url, obj)


def _may_open_groups(request: HttpRequest) -> bool:
    return request.user.has_perm("contactgroups.view_contactgroup") or request.user.has_perm(
        "contactgroups.change_contactgroup"
    )


def _address(group: ContactGroup) -> str:
    return reverse("admin:contactgroups_contactgroup_change", args=[group.pk])
