"""The actor behind a session of the admin, and the base of every admin that shows contacts or what belongs to them."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin import ChoicesFieldListFilter, ShowFacets, SimpleListFilter
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR, IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from accounts.actor import Actor, ActorKind, member_actor
from accounts.queries import with_hierarchy
from core.correlation import name_actor
from core.errors import ApiError


def actor_of(request: HttpRequest) -> Actor | None:
    """The actor of the member who is signed in; None for staff who are no member: they see no contact.

    Django keeps the member with the request's user, found or not, so it is read once per request.
    """
    member = getattr(request.user, "member", None)
    if member is None:
        return None
    name_actor(ActorKind.MEMBER, member.pk)
    return member_actor(member)


def actor_of_list(request: HttpRequest) -> Actor | None:
    """The actor for what is about many contacts, with its hierarchy, which is read once per request."""
    actor = actor_of(request)
    if actor is None:
        return None
    kept: dict[str, Any] = vars(request)
    if "actor_of_list" not in kept:
        kept["actor_of_list"] = with_hierarchy(actor)
    found: Actor = kept["actor_of_list"]
    return found


class CappedPaginator(Paginator):
    """Counts no further than `most`: nobody pages that far, and counting a million rows takes longer than a page."""

    most = 10_000
    template_name = "admin/includes/capped_pagination.html"

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return rows[: self.most].count()

    @property
    def is_capped(self) -> bool:
        """Whether there may be more rows than were counted."""
        return self.count == self.most


class CappedChangeList(ChangeList):
    """Says at its foot how many rows it found; nowhere how many there would be without search and filters.

    Refuses filters and values of filters that it does not have, where Django ignores some of them.
    """

    def get_filters(self, request: HttpRequest) -> tuple[Any, ...]:
        """Raises IncorrectLookupParameters for what no filter takes, or not with this value."""
        found: tuple[Any, ...] = super().get_filters(request)
        specs, others = found[0], found[2]
        for spec in specs:
            if not _knows_its_value(spec):
                raise IncorrectLookupParameters
        # A filter without a choice is not drawn, and Django drops what was asked of it.
        taken = {name for spec in specs for name in spec.expected_parameters()} | others.keys()
        if any(any(values) for name, values in self.get_filters_params().items() if name not in taken):
            raise IncorrectLookupParameters
        return found

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


def _knows_its_value(spec: Any) -> bool:
    """Whether what a filter was asked for is among its choices. Others than those asked here tell it themselves."""
    if isinstance(spec, SimpleListFilter):
        return not spec.value() or spec.value() in {str(value) for value, _label in spec.lookup_choices}
    if isinstance(spec, ChoicesFieldListFilter):
        return set(spec.lookup_val or ()) <= {str(value) for value, _label in spec.field.flatchoices}
    return True


class CappedAdmin(ModelAdmin):
    """The list of a table that may grow large."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = CappedPaginator
    list_per_page = 50
    actions: Sequence[str] | None = None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedChangeList]:
        return CappedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list. A page that it does not have any more leads to the first one; filters that it does not have lead
        to the list without any, which says so.
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
        """The address of a list may ask what the list's filters ask, and nothing else.

        Django allows every column of the model: also one that the page never shows, which could be guessed from the
        rows that are found, letter by letter.
        """
        filters = [_asked_by(entry) for entry in self.get_list_filter(request)]
        is_filter = any(lookup == name or lookup.startswith(f"{name}__") for name in filters)
        return is_filter and super().lookup_allowed(lookup, value, request)


def _asked_by(list_filter: Any) -> str:
    """The column or parameter that an entry of `list_filter` stands for."""
    if isinstance(list_filter, str):
        return list_filter
    return str(list_filter[0]) if isinstance(list_filter, tuple | list) else str(list_filter.parameter_name)


class ReadOnlyAdmin(CappedAdmin):
    """Rows are neither added nor changed nor deleted by a form of Django's."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class RefusableAdmin(ModelAdmin):
    """Forms that write through services: what one refuses although the form allowed it undoes all and is told."""

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
            return _refused(request, refusal, request.get_full_path())

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ApiError as refusal:
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
            return _refused(request, refusal, reverse(name, args=[quote(object_id)]))


def _refused(request: HttpRequest, refusal: ApiError, address: str) -> HttpResponse:
    told = [str(text) for texts in (refusal.properties or {}).values() for text in texts]
    messages.error(request, " ".join([str(refusal), *told]))
    return HttpResponseRedirect(address)


class VisibleToActorAdmin(CappedAdmin):
    """Shows the rows that the actor sees; any other answers 404 wherever it is named. None are added, none deleted.

    The model's queryset has `visible_to`.
    """

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and (match.url_name or "").endswith("_changelist")
        actor = actor_of_list(request) if is_list else actor_of(request)
        return rows.none() if actor is None else rows.visible_to(actor)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        """The row. Raises Http404, where Django would redirect and so tell an unknown id from a known one."""
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
