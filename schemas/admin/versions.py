"""Schema versions: view, compare and restore. Restoring proposes an old definition as a new draft."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from schemas.admin.base import StoredAdmin, may_edit_schemas, may_view_schemas
from schemas.definition import stored_definition
from schemas.definition.comparing import difference
from schemas.definition.positions import Positions
from schemas.definition.writing import definition_text
from schemas.display import compared, tree_of
from schemas.models import Schema, SchemaVersion

VERSIONS_TO_CHOOSE = 200


@admin.register(SchemaVersion)
class SchemaVersionAdmin(StoredAdmin):
    sidebar_icon = "history"
    list_display = ["number", "schema", "created_at", "published_by_name", "is_current"]
    list_filter = ["schema"]
    list_select_related = ["schema"]
    ordering = ["-id"]
    search_fields = ["published_by_name", "number"]
    search_help_text = _("Number, or the name of who published it")

    class Media:
        css = {"all": ["core/details.css", "core/controls.css", "core/jobs.css", "schemas/editor.css"]}
        js = ["schemas/editor.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SchemaVersion]:
        return super().get_queryset(request).defer("definition", "json_schema")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or may_view_schemas(request)

    @display(description=_("published"), boolean=True)
    def is_current(self, version: SchemaVersion) -> bool:
        return version.schema.current_version_id == version.pk

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a version, compared with version number `against` (default: the previous one). POST restores it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        version = self.found(request, unquote(object_id))
        if request.method == "POST":
            return self._restored(request, version)
        others = version.schema.versions.exclude(pk=version.pk).defer("definition", "json_schema")
        against = self._against(request, version)
        definition = stored_definition(version.definition)
        text = definition_text(version.definition)
        positions = Positions(text)
        earlier = stored_definition(against.definition) if against else None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "original": version,
            "title": gettext("Version %(number)s of schema %(key)s")
            % {"number": version.number, "key": version.schema.key},
            "version": version,
            "is_current": self.is_current(version),
            "may_restore": may_edit_schemas(request) and not self.is_current(version),
            "others": others.order_by("-number")[:VERSIONS_TO_CHOOSE],
            "against": against,
            "comparison": compared(earlier, definition) if earlier else None,
            "nodes": tree_of(
                version.definition,
                line_of=lambda place: positions.of(place)[0],
                changes=difference(earlier, definition) if earlier else None,
            ),
            "is_readable": True,
            "text": text,
            "versions_address": f"{reverse('admin:schemas_schemaversion_changelist')}"
            f"?schema__id__exact={version.schema_id}",
            "schema_address": reverse("admin:schemas_schema_change", args=[version.schema_id]),
        }
        return TemplateResponse(request, "admin/schemas/schemaversion/version.html", context)

    def _restored(self, request: HttpRequest, version: SchemaVersion) -> HttpResponse:
        if not may_edit_schemas(request):
            raise PermissionDenied
        editor: Any = self.admin_site.get_model_admin(Schema)
        schema = editor.found(request, version.schema_id)
        return editor.proposed(request, schema, definition_text(version.definition))

    def _against(self, request: HttpRequest, version: SchemaVersion) -> SchemaVersion | None:
        """Return the version to compare with; None for the first version. Raises Http404 for an unknown number."""
        number = request.GET.get("against")
        if number is None:
            return version.schema.versions.filter(number__lt=version.number).order_by("-number").first()
        found = version.schema.versions.filter(number=number).first() if number.isdecimal() else None
        if found is None:
            raise Http404
        return found
