"""The look-up of list items that the forms of an admin ask."""

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
    """Adds `.../choices/<list key>/` to an admin, open to whoever may view, add or change what the admin shows.

    GET takes `term` and, for a list whose items are narrowed by another one, the key of the item above as `parent`.
    Answers `{"items": [{"key", "name"}], "hasMore": bool}` in the language of the reader.
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
        """The address up to the list's key, as `DetailsForm` takes it."""
        return reverse(f"admin:{self._choices_name()}", args=["-"]).removesuffix("-/")

    def _choices_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_choices"
