"""The work list of data stewards: pairs of contacts that are possibly one person."""

from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from accounts.actor import Actor
from accounts.admin_actor import CappedChangeList, VisibleToActorAdmin, actor_of
from accounts.admin_paging import KeyedChangeList, KeyedPaginator
from audit.access.admin import looked_in_admin
from audit.access.models import Way
from contacts.admin.base import address_of
from contacts.admin.duplicates import compared_rows
from contacts.duplicates import MAX_REASON
from contacts.models import CONTACT_SCHEMA, Contact
from core.errors import ApiError
from core.jobs import send_on_commit
from core.serializers import INT32_MAX
from matching.merging import merge_address
from matching.models import DuplicateSearch, Pair
from matching.pairs import compare_again, distinguish_open
from matching.permissions import MAY_DISTINGUISH, MAY_SEARCH, MAY_VIEW
from matching.queries import current_reading
from matching.scoring import Match, Verdict, compared
from matching.searching import start_search
from matching.tasks import search_duplicates
from matching.weights import configured
from schemas.queries import current_schema

DISTINCT = "distinct"
SCORES = (0.999, 0.99, 0.9)
VERDICT_COLOURS = {Verdict.PROBABLE.value: "warning", Verdict.POSSIBLE.value: "info", DISTINCT: "success"}


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(DISTINCT, gettext("Not the same person"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        everything, *others = super().choices(changelist)
        yield {**everything, "display": gettext("To look at")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Pair]) -> QuerySet[Pair]:
        if self.value() != DISTINCT:
            return queryset.filter(is_open=True)
        # One of them may still wait to be created.
        present = (Exists(Contact.objects.filter(pk=OuterRef(column))) for column in ("lower_id", "higher_id"))
        return queryset.filter(*present, is_open=False, distinct_at__isnull=False)


class VerdictFilter(admin.SimpleListFilter):
    title = _("likelihood")
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (Verdict.PROBABLE.value, gettext("Probably the same person")),
            (Verdict.POSSIBLE.value, gettext("Possibly the same person")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Pair]) -> QuerySet[Pair]:
        table = configured()
        if self.value() == Verdict.PROBABLE.value:
            return queryset.filter(score__gte=table.probable)
        return queryset.filter(score__lt=table.probable) if self.value() else queryset


class ScoreFilter(admin.SimpleListFilter):
    title = _("score")
    parameter_name = "score"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(score), gettext("from %(score)s on") % {"score": shown_score(score)}) for score in SCORES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Pair]) -> QuerySet[Pair]:
        value = self.value()
        return queryset.filter(score__gte=float(value)) if value else queryset


class MineFilter(admin.SimpleListFilter):
    title = _("relationship manager")
    parameter_name = "mine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", gettext("Me"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Pair]) -> QuerySet[Pair]:
        actor = actor_of(request)
        if not self.value() or actor is None:
            return queryset
        own = Contact.objects.assigned_to([actor.member_id or 0]).order_by().values("pk")
        return queryset.filter(Q(lower_id__in=own) | Q(higher_id__in=own))


class Pairs(KeyedChangeList):
    """Loads both contacts of the pairs on a page, whose details say what agrees."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Pair]:
        rows: QuerySet[Pair] = super().get_queryset(request, exclude_parameters)
        return rows.select_related("lower", "higher", "distinct_by__user")

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = _shown(request, _compared(self.result_list), Way.LISTED)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Not the same person, because"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2, "class": "kf-input"}),
    )


@admin.register(Pair)
class PairAdmin(VisibleToActorAdmin):
    """Shows pairs of which the member sees both contacts: of others it learns nothing, not even their number."""

    sidebar_icon = "group"
    daily_work = 3
    list_display = ["both", "verdict", "agreeing", "found_at"]
    list_display_links = ["both"]
    list_filter = [StateFilter, VerdictFilter, ScoreFilter, MineFilter]
    list_before_template = "admin/matching/pair/search.html"
    list_disable_select_all = True
    sortable_by: Sequence[str] = ()
    paginator = KeyedPaginator
    actions = ("distinguish_selected",)

    class Media:
        css = {
            "all": ["core/details.css", "core/controls.css", "core/jobs.css", "schemas/form.css", "contacts/pages.css"],
        }
        js = ["importexport/jobs.js"]

    # ---- who may

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_VIEW) or request.user.has_perm(MAY_DISTINGUISH)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_DISTINGUISH)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    # ---- the list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedChangeList]:
        return Pairs

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """Return the order of the partial index of what is shown."""
        is_distinct = request.GET.get(StateFilter.parameter_name) == DISTINCT
        return [F("distinct_at").desc() if is_distinct else F("score").desc(), "id"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {
            "search": DuplicateSearch.objects.first(),
            "may_search": request.user.has_perm(MAY_SEARCH),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    @display(description=_("contacts"))
    def both(self, pair: Pair) -> str:
        return f"{pair.lower} (#{pair.lower_id}) · {pair.higher} (#{pair.higher_id})"

    @display(description=_("likelihood"), label=VERDICT_COLOURS)
    def verdict(self, pair: Pair) -> tuple[str, str]:
        if not pair.is_open:
            return DISTINCT, gettext("Not the same person")
        verdict = Verdict.PROBABLE if pair.score >= configured().probable else Verdict.POSSIBLE
        names = {Verdict.PROBABLE: gettext("Probable"), Verdict.POSSIBLE: gettext("Possible")}
        return verdict.value, f"{names[verdict]}, {shown_score(pair.score)}"

    @display(description=_("agrees"))
    def agreeing(self, pair: Pair) -> str:
        """Return what agrees now, or why the two are different people."""
        return pair.reason if not pair.is_open else ", ".join(_match_of(pair).reasons)

    @admin.action(description=_("Not the same person"), permissions=["change"])
    def distinguish_selected(self, request: HttpRequest, queryset: QuerySet[Pair]) -> HttpResponse | None:
        """Ask for the reason and, once it is there, remember it for each of the selected pairs."""
        actor = self._actor(request)
        pairs = _compared(queryset.select_related("lower", "higher").order_by(F("score").desc(), "id"))
        _shown(request, pairs, Way.LISTED)
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if form.is_valid() and _distinguished(request, actor, pairs, form):
            return None
        return self._page(
            request,
            "distinguish",
            HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
            title=gettext("Not the same person"),
            pairs=pairs,
            form=form,
            list_address=request.get_full_path(),
        )

    def response_action(self, request: HttpRequest, queryset: QuerySet[Pair]) -> HttpResponse | None:
        """Ignore ids that are none, before they are looked for."""
        sent = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if any(not (text.isascii() and text.isdecimal() and int(text) <= INT32_MAX) for text in sent):
            raise Http404
        answer: HttpResponse | None = super().response_action(request, queryset)
        return answer

    # ---- a pair

    def get_urls(self) -> list[URLPattern]:
        search = self.admin_site.admin_view(require_POST(self.search))
        return [path("search/", search, name="matching_pair_search"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show both contacts side by side. On POST, remember that they are different people, or take it back."""
        actor = self._actor(request)
        if not self.has_view_permission(request):
            raise PermissionDenied
        found: Any = self.get_object(request, object_id)
        # Without one that still waits to be created.
        pairs = _compared(Pair.objects.select_related("lower", "higher", "distinct_by__user").filter(pk=found.pk))
        if not pairs:
            raise Http404
        (pair,) = _shown(request, pairs, Way.READ)
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if request.method == "POST":
            if not self.has_change_permission(request):
                raise PermissionDenied
            if "again" in request.POST:
                compare_again(actor=actor, pairs=[pair])
                messages.success(request, gettext("The two are possible duplicates again."))
                return HttpResponseRedirect(request.path)
            if form.is_valid() and _distinguished(request, actor, [pair], form):
                return HttpResponseRedirect(reverse("admin:matching_pair_changelist"))
        return self._page(
            request,
            "pair",
            HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
            title=gettext("Possible duplicate"),
            original=pair,
            pair=pair,
            score=shown_score(pair.score),
            is_probable=pair.score >= configured().probable,
            rows=compared_rows(current_schema(CONTACT_SCHEMA), pair.lower.details, pair.higher.details),
            form=form,
            may_distinguish=self.has_change_permission(request),
            merge_address=merge_address(stays=pair.lower_id, goes=pair.higher_id),
            heads=[f"{contact} (#{contact.pk})" for contact in (pair.lower, pair.higher)],
            addresses=(address_of(pair.lower_id), address_of(pair.higher_id)),
            list_address=reverse("admin:matching_pair_changelist"),
        )

    # ---- the search

    def search(self, request: HttpRequest) -> HttpResponse:
        """Have all contacts compared. Requires MAY_SEARCH."""
        actor = self._actor(request)
        if not request.user.has_perm(MAY_SEARCH):
            raise PermissionDenied
        try:
            started = start_search(actor=actor)
        except ApiError as error:
            messages.warning(request, str(error))
        else:
            send_on_commit(search_duplicates, str(started.pk))
            messages.success(request, gettext("The search was started."))
        return HttpResponseRedirect(reverse("admin:matching_pair_changelist"))

    def _actor(self, request: HttpRequest) -> Actor:
        actor = actor_of(request)
        if actor is None:
            raise PermissionDenied
        return actor

    def _page(self, request: HttpRequest, name: str, status: int, **context: Any) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, f"admin/matching/pair/{name}.html", shared | context, status=status)


def _compared(pairs: Iterable[Pair]) -> list[Pair]:
    """Return pairs, whose contacts are loaded, with how these compare now as `match`."""
    reading, rows = current_reading(), list(pairs)
    for pair in rows:
        vars(pair)["match"] = compared(reading.person(pair.lower.details), reading.person(pair.higher.details))
    return rows


def _shown(request: HttpRequest, pairs: list[Pair], way: Way) -> list[Pair]:
    """Return the pairs, and record that their contacts are shown."""
    ids = [pk for pair in pairs for pk in (pair.lower_id, pair.higher_id)]
    looked_in_admin(request, ids, way=way)
    return pairs


def _match_of(pair: Pair) -> Match:
    found: Match = vars(pair)["match"]
    return found


def shown_score(score: float) -> str:
    """Return a score in percent, rounded down: 100 would say more than it knows."""
    return f"{number_format(int(score * 1000) / 10, 1)} %"


def _distinguished(request: HttpRequest, actor: Actor, pairs: Sequence[Pair], form: ReasonForm) -> bool:
    """Remember that the contacts of each pair are different people; otherwise say in the form why not."""
    scores = {pair: _match_of(pair).score for pair in pairs}
    try:
        distinguish_open(actor=actor, scores=scores, reason=form.cleaned_data["reason"])
    except ApiError as error:
        faults = [str(text) for texts in (error.properties or {}).values() for text in texts]
        form.add_error("reason", faults)
        if error.sub_code == "DistinguishedAlready":
            # The page of a closed pair has no form.
            messages.warning(request, " ".join(faults))
        return False
    text = ngettext(
        "%(number)s pair is not shown again unless the two become more alike.",
        "%(number)s pairs are not shown again unless the two become more alike.",
        len(pairs),
    )
    messages.success(request, text % {"number": len(pairs)})
    return True
