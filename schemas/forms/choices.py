"""Endpoint that looks up list items for the forms of an admin."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET
from unfold.admin import ModelAdmin

from core.errors import NotFound
from core.json import rendered
from schemas.queries import list_choices

MOST_CHOICES = 30


class ListChoicesMixin(ModelAdmin):
    """Adds `.../choices/<list key>/` to an admin, for users who may view, add or change its objects.

    GET accepts `term` and, for lists with a parent list, `parent`: the key of the parent item. Returns
    `{"items": [{"key", "name"}], "hasMore": bool}`, with names in the language of the request.
    """

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_GET(self.list_choices_view))
        return [path("choices/<str:list_key>/", view, name=self._choices_name()), *super().get_urls()]

    def list_choices_view(self, request: HttpRequest, list_key: str) -> HttpResponse:
        if not (self.has_view_or_change_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied
        try:
            found = list_choices(
                list_key=list_key,
                term=request.GET.get("term", ""),
                parent_key=request.GET.get("parent"),
                limit=MOST_CHOICES,
            )
        except NotFound as error:
            raise Http404 from error
        items = [{"key": item.key, "name": item.name()} for item in found.items]
        return rendered({"items": items, "hasMore": found.total_count > len(items)})

    def choices_url(self) -> str:
        """Return the URL up to the list key, as `DetailsForm` expects it."""
        return reverse(f"admin:{self._choices_name()}", args=["-"]).removesuffix("-/")

    def _choices_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_choices"
