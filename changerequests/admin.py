"""The queue of change requests and their review. A request changes through the services alone."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList as BaseChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.actor import Actor
from accounts.admin_actor import CappedChangeList, VisibleToActorAdmin, actor_of
from changerequests.display import choices, field_labels, labelled_faults, reviewed_changes
from changerequests.models import ChangeRequest, Status
from changerequests.queries import latest_history, next_to_review
from changerequests.services import REVIEW_PERMISSION, cancel_change_request, review_change_request
from contacts.display import shown_changes
from contacts.models import CONTACT_SCHEMA, Contact
from contacts.queries import found_by_people
from core.errors import ApiError
from schemas.queries import current_schema

FIELDS_IN_QUEUE = 3
RECENT_CHANGE_SETS = 3

STATUS_COLOURS = {
    Status.PENDING: "warning",
    Status.APPROVED: "success",
    Status.REJECTED: "danger",
    Status.CANCELLED: "info",
}


class StatusFilter(admin.SimpleListFilter):
    """Pending unless said: the queue is what waits."""

    title = _("status")
    parameter_name = "status"
    all_of_them = "all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((str(status.value), str(status.label)) for status in Status), (self.all_of_them, gettext("All"))]

    def chosen(self) -> str:
        known = {value for value, _title in self.lookup_choices}
        value = self.value()
        return value if value in known else str(Status.PENDING.value)

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> QuerySet[ChangeRequest]:
        chosen = self.chosen()
        return queryset if chosen == self.all_of_them else queryset.filter(status=chosen)

    def choices(self, changelist: BaseChangeList) -> Iterator[Any]:
        for value, title in self.lookup_choices:
            yield {
                "selected": value == self.chosen(),
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }


class InitiatorFilter(AutocompleteSelectFilter):
    template = "admin/includes/filter_field.html"

    def choices(self, changelist: BaseChangeList) -> Iterator[dict[str, Any]]:
        """With what the other filters ask for: the form is sent whole, and those that are links have no part in it."""
        others = {name for spec in changelist.filter_specs if spec is not self for name in spec.used_parameters}
        kept = [(name, value) for name in sorted(others) for value in changelist.filter_params.get(name, [])]
        for choice in super().choices(changelist):
            yield {**choice, "kept": kept}


class Queue(CappedChangeList):
    """Reads what a row shows and no more; the labels of its fields come from the schema, read once for all rows."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[ChangeRequest]:
        return super().get_queryset(request, exclude_parameters).with_people().defer("changes", "contact__details")

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        schema = current_schema(CONTACT_SCHEMA)
        actor = actor_of(request)
        for row in self.result_list:
            row.field_labels = field_labels(schema, row.paths)
            row.is_own = actor is not None and row.initiator_member_id == actor.member_id


class DecisionForm(forms.Form):
    """What the reviewer, or the initiator who cancels, sends."""

    APPROVE, REJECT, CANCEL = "approve", "reject", "cancel"

    decision = forms.ChoiceField(choices=[(value, value) for value in (APPROVE, REJECT, CANCEL)])
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("Kept with the request. Required when you reject."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("decision") == self.REJECT and not cleaned.get("comment") and "comment" not in self.errors:
            self.add_error("comment", gettext("Say why you reject it: the initiator will want to know."))
        return cleaned


@admin.register(ChangeRequest)
class ChangeRequestAdmin(VisibleToActorAdmin):
    list_display = ["contact_name", "changed_fields", "initiator", "age", "status_label"]
    list_display_links = ["contact_name"]
    list_filter = [StatusFilter, ("initiator_member", InitiatorFilter), "created_at"]
    list_filter_submit = True
    search_fields = ["contact__name"]
    search_help_text = _("Contact’s name, id or external id")

    class Media:
        css = {"all": ["contacts/details.css", "changerequests/review.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeRequest]:
        people = ("contact__type", "initiator_member__user", "review_member__user")
        return super().get_queryset(request).select_related(*people)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedChangeList]:
        return Queue

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """What waits longest comes first; of what is decided, the latest."""
        status = request.GET.get(StatusFilter.parameter_name, str(Status.PENDING.value))
        return ["created_at", "id"] if status == str(Status.PENDING.value) else ["-created_at", "-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ChangeRequest], search_term: str
    ) -> tuple[QuerySet[ChangeRequest], bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(contact__in=found_by_people(Contact.objects.all(), search_term)), False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) or request.user.has_perm(REVIEW_PERMISSION)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description=_("contact"), ordering="contact__name")
    def contact_name(self, row: ChangeRequest) -> str:
        return format_html('<span>{} <span class="k-quiet">#{}</span></span>', row.contact, row.contact_id)

    @display(description=_("fields"))
    def changed_fields(self, row: Any) -> str:
        labels: list[str] = row.field_labels
        text = ", ".join(labels[:FIELDS_IN_QUEUE])
        more = len(labels) - FIELDS_IN_QUEUE
        if more <= 0:
            return text
        return format_html(
            '<span>{} <span class="k-quiet" title="{}">{}</span></span>',
            text,
            ", ".join(labels),
            gettext("and %(count)s more") % {"count": more},
        )

    @display(description=_("asked by"))
    def initiator(self, row: Any) -> str:
        if not row.is_own:
            return row.initiator_member.name
        return format_html('<span>{} <span class="k-badge">{}</span></span>', row.initiator_member.name, gettext("You"))

    @display(description=_("age"), ordering="created_at")
    def age(self, row: ChangeRequest) -> str:
        moment = localtime(row.created_at)
        return format_html(
            '<time datetime="{}" title="{}">{}</time>',
            moment.isoformat(),
            date_format(moment, "DATETIME_FORMAT"),
            timesince(row.created_at, depth=1),
        )

    @display(description=_("status"), label=STATUS_COLOURS)
    def status_label(self, row: ChangeRequest) -> tuple[int, str]:
        return row.status, row.get_status_display()

    # ---- the review

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The review page, and the decision that is sent from it."""
        change_request = self.get_object(request, unquote(object_id))
        actor = actor_of(request)
        if actor is None or not self.has_view_permission(request, change_request):
            raise PermissionDenied
        if request.method != "POST":
            return self._review_page(request, actor, change_request, DecisionForm())
        form = DecisionForm(request.POST)
        if not form.is_valid():
            return self._review_page(request, actor, change_request, form)
        try:
            decided = _decide(actor, change_request, form.cleaned_data["decision"], form.cleaned_data["comment"])
        except ApiError as error:
            # Read again: what made it fail may be what somebody else has done to the request since.
            change_request = self.get_object(request, unquote(object_id))
            return self._review_page(request, actor, change_request, form, error=error)
        return self._after_decision(request, actor, decided)

    def _after_decision(self, request: HttpRequest, actor: Actor, decided: ChangeRequest) -> HttpResponse:
        text = {
            Status.APPROVED: gettext("Request {} about {} was approved, and the changes are made."),
            Status.REJECTED: gettext("Request {} about {} was rejected."),
            Status.CANCELLED: gettext("Request {} about {} was cancelled."),
        }[Status(decided.status)]
        link = format_html('<a class="k-link" href="{}">#{}</a>', self._address(decided), decided.pk)
        messages.success(request, format_html(text, link, decided.contact))
        following = None
        if decided.status != Status.CANCELLED:
            following = next_to_review(actor=actor, after=decided)
        address = self._queue_address(request) if following is None else self._address(following, request)
        return HttpResponseRedirect(address)

    def _address(self, change_request: ChangeRequest, request: HttpRequest | None = None) -> str:
        address = reverse("admin:changerequests_changerequest_change", args=[change_request.pk])
        return address if request is None else self._with_filters(request, address)

    def _queue_address(self, request: HttpRequest) -> str:
        return self._with_filters(request, reverse("admin:changerequests_changerequest_changelist"))

    def _with_filters(self, request: HttpRequest, address: str) -> str:
        """The address, keeping the filters of the queue that the reviewer came from."""
        context = {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}
        return add_preserved_filters(context, address)

    def _review_page(
        self,
        request: HttpRequest,
        actor: Actor,
        change_request: Any,
        form: DecisionForm,
        *,
        error: ApiError | None = None,
    ) -> HttpResponse:
        schema = current_schema(CONTACT_SCHEMA)
        contact = change_request.contact
        changes = reviewed_changes(schema, change_request)
        following = next_to_review(actor=actor, after=change_request) if change_request.is_pending else None
        history = [
            (change_set, shown_changes(schema, change_set.changes))
            for change_set in latest_history(contact_id=contact.pk, limit=RECENT_CHANGE_SETS)
        ]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": change_request,
            "title": gettext("Review of change request #%(id)s") % {"id": change_request.pk},
            "media": self.media,
            "change_request": change_request,
            "status_colour": STATUS_COLOURS[Status(change_request.status)],
            "contact": contact,
            "may_open_contact": request.user.has_perm("contacts.view_contact")
            or request.user.has_perm("contacts.change_contact"),
            "participants": contact.participants.all(),
            "members": contact.members.select_related("user").order_by("pk"),
            "changes": changes,
            "history": history,
            "choices": choices(actor=actor, request=change_request, changes=changes),
            "form": form,
            "error": error,
            "faults": labelled_faults(schema, error.properties) if error else [],
            "queue_address": self._queue_address(request),
            "next_address": self._address(following, request) if following else None,
        }
        status = HTTPStatus.OK if error is None else error.status
        return TemplateResponse(request, "admin/changerequests/changerequest/review.html", context, status=status)


def _decide(actor: Actor, change_request: Any, decision: str, comment: str) -> ChangeRequest:
    """Call the service that the decision names; raises what it raises."""
    contact_id, change_request_id = change_request.contact_id, change_request.pk
    if decision == DecisionForm.CANCEL:
        return cancel_change_request(actor=actor, contact_id=contact_id, change_request_id=change_request_id)
    return review_change_request(
        actor=actor,
        contact_id=contact_id,
        change_request_id=change_request_id,
        is_approved=decision == DecisionForm.APPROVE,
        comment=comment or None,
    )
