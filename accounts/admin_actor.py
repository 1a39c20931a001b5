"""The actor of an admin session, and base classes of admins, above all of those that show contacts' data."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ChoicesFieldListFilter, ShowFacets, SimpleListFilter
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR, IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from accounts.actor import Actor, member_actor
from accounts.admin_rebasing import RebasingAdmin
from accounts.queries import with_hierarchy
from core.errors import ApiError, Forbidden


def actor_of(request: HttpRequest) -> Actor | None:
    """Return the actor of the logged-in member; None for staff who are not members: they see no contacts.

    Django caches the member with the request's user, whether found or not, and the permissions, which the admin asks
    for before every page: so it takes one query per request.
    """
    user = request.user
    member = getattr(user, "member", None)
    if member is None:
        return None
    actor = member_actor(member, permissions=frozenset(() if user.is_superuser else user.get_all_permissions()))
    actor.bind_to_log()
    return actor


def member_of(request: HttpRequest) -> Actor:
    """Return the actor of the logged-in member. Raises Forbidden for staff who are not members."""
    actor = actor_of(request)
    if actor is None:
        raise Forbidden(
            _(
                "Your login belongs to no member, and only members can change this. "
                "Ask an administrator to make you a member."
            )
        )
    return actor


def actor_of_list(request: HttpRequest) -> Actor | None:
    """Return the actor with its hierarchy, for queries about many contacts. Cached on the request."""
    actor = actor_of(request)
    if actor is None:
        return None
    kept: dict[str, Any] = vars(request)
    if "actor_of_list" not in kept:
        kept["actor_of_list"] = with_hierarchy(actor)
    found: Actor = kept["actor_of_list"]
    return found


class CappedPaginator(Paginator):
    """Counts at most `most` rows: nobody pages that far, and counting a million rows takes longer than a page."""

    most = 10_000
    template_name = "admin/includes/capped_pagination.html"

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return rows[: self.most].count()

    @property
    def is_capped(self) -> bool:
        """Whether there may be more rows than counted."""
        return self.count == self.most


class CappedChangeList(ChangeList):
    """Shows the number of rows found, never the number without search and filters.

    Refuses unknown filters and filter values, some of which Django ignores.
    """

    def get_filters(self, request: HttpRequest) -> tuple[Any, ...]:
        """Return the filters. Raises IncorrectLookupParameters for an unknown filter or value."""
        found: tuple[Any, ...] = super().get_filters(request)
        specs, others = found[0], found[2]
        for spec in specs:
            if not _knows_its_value(spec):
                raise IncorrectLookupParameters
        # A filter without choices is not rendered, and Django drops its parameter.
        taken = {name for spec in specs for name in spec.expected_parameters()} | others.keys()
        if any(any(values) for name, values in self.get_filters_params().items() if name not in taken):
            raise IncorrectLookupParameters
        return found

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


def _knows_its_value(spec: Any) -> bool:
    """Return whether a filter's value is one of its choices. Filters of other classes check this themselves."""
    if isinstance(spec, SimpleListFilter):
        return not spec.value() or spec.value() in {str(value) for value, _label in spec.lookup_choices}
    if isinstance(spec, ChoicesFieldListFilter):
        return set(spec.lookup_val or ()) <= {str(value) for value, _label in spec.field.flatchoices}
    return True


@dataclass(frozen=True, slots=True)
class ListButton:
    """A button that an app adds to the list of another: the template draws it, with `kind` for what the list shows."""

    template: str
    kind: str


def check_filters(request: HttpRequest, known: Collection[str]) -> None:
    """Raise BadRequest for a filter that a page of its own does not have: ignored, it would show too much."""
    if request.GET.keys() - known - {"after"}:
        raise BadRequest("The page has no such filter.")


class CappedAdmin(RebasingAdmin):
    """For tables that may grow large."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = CappedPaginator
    list_per_page = 50
    actions: Sequence[str] | None = None
    # In the sidebar: its symbol, and its place in the first group of links, which is the day's work.
    sidebar_icon = "table_rows"
    daily_work: int | None = None
    list_buttons: Sequence[ListButton] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedChangeList]:
        return CappedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Render the list. A page beyond the last redirects to the first.

        Unknown filters redirect to the unfiltered list, with an error message.
        """
        response: HttpResponse = super().changelist_view(request, extra_context)
        asked = request.GET.copy()
        asked.pop(ERROR_FLAG, None)
        if not asked or response.headers.get("Location") != f"{request.path}?{ERROR_FLAG}=1":
            return response
        if not asked.pop(PAGE_VAR, None):
            messages.error(
                request,
                _("The list has no such filter, or the filter has no such value. It is shown without filters instead."),
            )
            for name in asked.keys() - {IS_POPUP_VAR, TO_FIELD_VAR}:
                del asked[name]
        return HttpResponseRedirect(f"{request.path}?{asked.urlencode()}" if asked else request.path)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow only lookups of the list's own filters.

        Django allows every column of the model, even hidden ones, whose values could be guessed character by character
        from the rows found.
        """
        filters = [_asked_by(entry) for entry in self.get_list_filter(request)]
        is_filter = any(lookup == name or lookup.startswith(f"{name}__") for name in filters)
        return is_filter and super().lookup_allowed(lookup, value, request)


def register_list_button(shown_by: type[CappedAdmin], button: ListButton) -> None:
    """Draw a button beside the filters of a list, after those that there are."""
    shown_by.list_buttons = [*shown_by.list_buttons, button]


def _asked_by(list_filter: Any) -> str:
    """Return the column or parameter of an entry in `list_filter`."""
    if isinstance(list_filter, str):
        return list_filter
    return str(list_filter[0]) if isinstance(list_filter, tuple | list) else str(list_filter.parameter_name)


class ReadOnlyAdmin(CappedAdmin):
    """Rows that Django's forms neither add nor change nor delete."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class _RefusedForm(forms.BaseForm):
    """A form that a service has refused: it is invalid, says why, and keeps the input."""

    refusal: ApiError

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound:
            self.add_error(None, _words_of(self.refusal))


class RefusableAdmin(ModelAdmin):
    """Forms that write through services: an error of a service rolls everything back, and the form says why."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ApiError as refusal:
            vars(request)["refusal"] = refusal
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ApiError as refusal:
            return _refused(request, refusal, request.get_full_path())

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form, refusal = super().get_form(request, obj, change=change, **kwargs), vars(request).get("refusal")
        return form if refusal is None else type(form.__name__, (_RefusedForm, form), {"refusal": refusal})

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ApiError as refusal:
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
            return _refused(request, refusal, reverse(name, args=[quote(object_id)]))


def _refused(request: HttpRequest, refusal: ApiError, address: str) -> HttpResponse:
    messages.error(request, " ".join(_words_of(refusal)))
    return HttpResponseRedirect(address)


def _words_of(refusal: ApiError) -> list[Any]:
    return [str(refusal), *(str(text) for texts in (refusal.properties or {}).values() for text in texts)]


class VisibleToActorAdmin(CappedAdmin):
    """Shows only rows visible to the actor and answers 404 for all others. Rows are neither added nor deleted here.

    The model's queryset must have `visible_to`.
    """

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and (match.url_name or "").endswith("_changelist")
        actor = actor_of_list(request) if is_list else actor_of(request)
        return rows.none() if actor is None else rows.visible_to(actor)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        """Return the row. Raises Http404; Django's redirect would reveal which ids exist."""
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if actor_of(request) is None:
            messages.warning(
                request,
                _(
                    "Your login belongs to no member, so no contacts are shown to you. "
                    "Ask an administrator to make you a member."
                ),
            )
        return super().changelist_view(request, extra_context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
