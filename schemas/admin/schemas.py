"""The schema editor: a definition as tree and as JSON, checked while typing; drafts, their impact, and publishing."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from accounts.actor import Actor
from accounts.admin_actor import actor_of, member_of
from changerequests.admin.messages import may_see_requests, waiting_message
from changerequests.queries.requests import open_request_of
from changerequests.services.submitting import requirement_of
from core.errors import ApiError, UnprocessableEntity
from core.json import rendered
from schemas.admin.base import StoredAdmin, drafter_of, may_edit_schemas, may_view_schemas
from schemas.definition import Definition, inspect_definition, stored_definition
from schemas.definition.comparing import difference
from schemas.definition.documents import definition_changes, document_of
from schemas.definition.positions import Positions
from schemas.definition.writing import definition_text
from schemas.derivation import usable_json_schema
from schemas.display import compared, tree_of
from schemas.forms import DetailsForm, ListChoicesMixin
from schemas.impact import shown_impact
from schemas.models import SCHEMA_KIND, CheckStatus, Schema, SchemaDraft, SchemaVersion
from schemas.queries import draft_schema, lists_above
from schemas.services import create_draft, publish_draft

# More digits are no id.
LONGEST_ID = 10
STATUS_COLOURS = {
    CheckStatus.PENDING: "info",
    CheckStatus.RUNNING: "info",
    CheckStatus.COMPLETED: "success",
    CheckStatus.FAILED: "danger",
}


@admin.register(Schema)
class SchemaAdmin(ListChoicesMixin, StoredAdmin):
    sidebar_icon = "schema"
    list_display = ["key", "version_number", "published_at", "publisher"]
    list_select_related = ["current_version"]
    ordering = ["key"]

    class Media:
        css = {"all": ["core/details.css", "core/controls.css", "core/jobs.css", "schemas/editor.css"]}
        js = ["schemas/editor.js", "schemas/draft.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schema]:
        rows = super().get_queryset(request).filter(current_version__isnull=False)
        # The changelist shows none of the definitions, which add up to megabytes.
        return rows.defer("current_version__definition", "current_version__json_schema")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_view_schemas(request)

    @display(description=_("version"))
    def version_number(self, schema: Schema) -> int:
        return _current(schema).number

    @display(description=_("published at"))
    def published_at(self, schema: Schema) -> Any:
        return _current(schema).created_at

    @display(description=_("published by"))
    def publisher(self, schema: Schema) -> str:
        return _current(schema).published_by_name

    def get_urls(self) -> list[URLPattern]:
        def named(route: str, view: Any, name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"schemas_schema_{name}")

        return [
            named("<int:schema_id>/check/", require_POST(self.check_view), "check"),
            named("<int:schema_id>/drafts/<uuid:draft_id>/", self.draft_view, "draft"),
            named("<int:schema_id>/drafts/<uuid:draft_id>/again/", require_POST(self.again_view), "again"),
            *super().get_urls(),
        ]

    # ---- the editor

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the schema. POST stores the definition as a draft and redirects to the draft with its impact."""
        if not may_view_schemas(request):
            raise PermissionDenied
        schema = self.found(request, unquote(object_id))
        if request.method == "POST":
            return self._written(request, schema)
        draft = self._draft(request, schema, request.GET["draft"]) if request.GET.get("draft") else None
        if draft is not None and may_edit_schemas(request):
            return self._editor(request, schema, text=draft.definition_text, base=draft.base)
        return self._editor(request, schema, text=definition_text(_current(schema).definition), base=_current(schema))

    def _written(self, request: HttpRequest, schema: Schema) -> HttpResponse:
        """Create a draft. Raises PermissionDenied, and Http404 if `base` is not a version of this schema."""
        if not may_edit_schemas(request):
            raise PermissionDenied
        text = _text_of(request)
        base = self._base(schema, request.POST.get("base", ""))
        try:
            draft = create_draft(
                actor=drafter_of(request), key=schema.key, definition_text=text, base_version_id=base.pk
            )
        except UnprocessableEntity as refusal:
            if refusal.sub_code != "SchemaInvalid":
                messages.warning(request, str(refusal))
            return self._editor(request, schema, text=text, base=base)
        return HttpResponseRedirect(_address_of(draft))

    def _editor(self, request: HttpRequest, schema: Schema, *, text: str, base: SchemaVersion) -> HttpResponse:
        may_edit = may_edit_schemas(request)
        current = _current(schema)
        context = {
            **self._context(request, schema),
            "title": gettext("Schema %(key)s") % {"key": schema.key},
            "current": current,
            "base": base,
            "text": text,
            "may_edit": may_edit,
            "open_request": open_request_of(kind=SCHEMA_KIND, subject_id=schema.pk),
            "media": self.media + DetailsForm.media,
            "check_address": reverse("admin:schemas_schema_check", args=[schema.pk]),
            "is_changed": may_edit and text != definition_text(current.definition),
            **_looked_at(text, current, base),
        }
        return TemplateResponse(request, "admin/schemas/schema/editor.html", context)

    def check_view(self, request: HttpRequest, schema_id: int) -> HttpResponse:
        """Check a definition text; return the lines with faults and the page parts rendered from it."""
        if not may_edit_schemas(request):
            raise PermissionDenied
        schema = self.found(request, schema_id)
        text, base = _text_of(request), self._base(schema, request.POST.get("base", ""))
        looked_at = _looked_at(text, _current(schema), base)
        parts = ["faults", "tree", "difference"]
        if request.POST.get("preview"):
            parts.append("preview")
            looked_at["form"] = None if looked_at["faults"] else self._form_of(schema, text)
        html = {
            part: render_to_string(f"admin/schemas/includes/{part}.html", looked_at, request=request) for part in parts
        }
        lines = sorted({fault.line for fault in looked_at["faults"]})
        return rendered({"lines": lines, "parts": html})

    def _form_of(self, schema: Schema, text: str) -> DetailsForm:
        """Return an empty form of the definition, for preview only."""
        draft = draft_schema(key=schema.key, definition_text=text)
        return DetailsForm(draft, prefix="preview", choices_url=self.choices_url())

    # ---- a draft

    def draft_view(self, request: HttpRequest, schema_id: int, draft_id: UUID) -> HttpResponse:
        """Show a draft's differences and impact. POST publishes it."""
        if not may_edit_schemas(request):
            raise PermissionDenied
        schema = self.found(request, schema_id)
        draft = self._draft(request, schema, str(draft_id))
        refusal = None
        if request.method == "POST":
            try:
                published = publish_draft(
                    actor=member_of(request),
                    draft_id=draft.pk,
                    accepts_violations=request.POST.get("accepts_violations") == "on",
                )
            except ApiError as error:
                refusal = error
                schema = self.found(request, schema_id)
            else:
                _say(request, published)
                return HttpResponseRedirect(_address_of_schema(schema))
        current = _current(schema)
        base = stored_definition(draft.base.definition)
        after, value, faults = inspect_definition(draft.definition_text, lists=lists_above())
        actor = actor_of(request)
        waiting = open_request_of(kind=SCHEMA_KIND, subject_id=schema.pk)
        is_stale = draft.published_version_id is None and draft.base_id != current.pk
        context = {
            **self._context(request, schema),
            "title": gettext("Draft of schema %(key)s") % {"key": schema.key},
            "draft": draft,
            "current": current,
            "refusal": refusal,
            "open_request": waiting,
            "is_member": actor is not None,
            "has_to_wait": actor is not None and not faults and _has_to_wait(actor, schema, value),
            "is_asked_for": waiting is not None and waiting.pk == draft.change_request_id,
            "status_colour": STATUS_COLOURS[CheckStatus(draft.status)],
            "comparison": compared(base, after) if after else None,
            "is_stale": is_stale,
            "meanwhile": compared(base, stored_definition(current.definition)) if is_stale else None,
            "impact": shown_impact(request, draft, after),
            "again_address": reverse("admin:schemas_schema_again", args=[schema.pk, draft.pk]),
            "editor_address": f"{_address_of_schema(schema)}?draft={draft.pk}",
        }
        # While the check runs, the page polls for this part only.
        part = "admin/schemas/includes/draft.html" if "part" in request.GET else "admin/schemas/schema/draft.html"
        return TemplateResponse(request, part, context)

    def again_view(self, request: HttpRequest, schema_id: int, draft_id: UUID) -> HttpResponse:
        """Create a new draft with the same text, based on the current version, and check it."""
        if not may_edit_schemas(request):
            raise PermissionDenied
        schema = self.found(request, schema_id)
        draft = self._draft(request, schema, str(draft_id))
        return self.proposed(request, schema, draft.definition_text)

    def proposed(self, request: HttpRequest, schema: Schema, text: str) -> HttpResponse:
        """Create a draft based on the current version and redirect to it; if the text is invalid, show the editor."""
        current = _current(schema)
        try:
            draft = create_draft(
                actor=drafter_of(request), key=schema.key, definition_text=text, base_version_id=current.pk
            )
        except UnprocessableEntity as refusal:
            messages.warning(request, str(refusal))
            return self._editor(request, schema, text=text, base=current)
        return HttpResponseRedirect(_address_of(draft))

    # ---- helpers

    def _context(self, request: HttpRequest, schema: Schema) -> dict[str, Any]:
        versions = reverse("admin:schemas_schemaversion_changelist")
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "schema": schema,
            "original": schema,
            "list_address": reverse("admin:schemas_schema_changelist"),
            "may_open_requests": may_see_requests(request),
            "schema_address": _address_of_schema(schema),
            "versions_address": f"{versions}?schema__id__exact={schema.pk}",
        }

    def _draft(self, request: HttpRequest, schema: Schema, draft_id: str) -> SchemaDraft:
        try:
            found = SchemaDraft.objects.filter(schema=schema, pk=UUID(draft_id))
        except ValueError:
            raise Http404 from None
        draft = found.select_related("schema", "base", "published_version").first()
        if draft is None:
            raise Http404
        return draft

    def _base(self, schema: Schema, version_id: str) -> SchemaVersion:
        is_id = version_id.isdecimal() and len(version_id) <= LONGEST_ID
        version = schema.versions.filter(pk=version_id).first() if is_id else None
        if version is None:
            raise Http404
        return version


def _say(request: HttpRequest, draft: SchemaDraft) -> None:
    """Add the message that the draft was published, or waits."""
    version = draft.published_version
    if version is not None:
        messages.success(request, gettext("Version %(number)s was published.") % {"number": version.number})
    elif draft.change_request_id is not None:
        messages.warning(request, waiting_message(request, draft.change_request_id))


def _has_to_wait(actor: Actor, schema: Schema, value: Any) -> bool:
    """Return whether somebody else would have to approve this definition."""
    before, after = document_of(schema.key, _current(schema).definition), document_of(schema.key, value)
    changes = definition_changes(schema.key, before, after)
    return bool(requirement_of(kind=SCHEMA_KIND, subject=schema, changes=changes, actor=actor))


def _current(schema: Schema) -> SchemaVersion:
    """Return the current version. Schemas without one are not in the admin. Raises Http404."""
    if schema.current_version is None:
        raise Http404
    return schema.current_version


def _text_of(request: HttpRequest) -> str:
    """Return the submitted definition. Textareas submit line breaks as CRLF."""
    return request.POST.get("definition", "").replace("\r\n", "\n")


def _looked_at(text: str, current: SchemaVersion, base: SchemaVersion) -> dict[str, Any]:
    """Return the template context for a text: faults by line, tree, and difference to the published version."""
    definition, value, faults = inspect_definition(text, lists=lists_above())
    positions = Positions(text)
    messages_by_place = faults.as_properties()
    if definition is not None and not messages_by_place:
        messages_by_place = _derivation_faults(definition)
    published = stored_definition(current.definition)
    changes = difference(published, definition) if definition else None
    return {
        "faults": positions.located(messages_by_place),
        "nodes": tree_of(value, line_of=lambda place: positions.of(place)[0], changes=changes),
        "is_readable": definition is not None,
        "comparison": compared(published, definition) if definition else None,
        "current": current,
        "base": base,
        "is_stale": base.pk != current.pk,
    }


def _derivation_faults(definition: Definition) -> dict[str, list[str]]:
    try:
        usable_json_schema(definition)
    except ApiError as refusal:
        return {place: [str(text) for text in texts] for place, texts in (refusal.properties or {}).items()}
    return {}


def _address_of(draft: SchemaDraft) -> str:
    return reverse("admin:schemas_schema_draft", args=[draft.schema_id, draft.pk])


def _address_of_schema(schema: Schema) -> str:
    return reverse("admin:schemas_schema_change", args=[schema.pk])
