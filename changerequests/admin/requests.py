"""The list of change requests and its columns."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.timesince import timesince, timeuntil
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_actor import CappedChangeList
from accounts.admin_paging import KeyedPaginator
from changerequests.admin.base import STATE_COLOURS, state_of
from changerequests.admin.bulk import BulkReviewAdmin
from changerequests.admin.filters import (
    ALL,
    MOMENTS,
    PENDING,
    AgeFilter,
    DecidedFilter,
    DueFilter,
    FieldFilter,
    InitiatorFilter,
    KindFilter,
    ParticipantFilter,
    StatusFilter,
    TurnFilter,
    WalkRequest,
    chosen_status,
)
from changerequests.admin.queue import Queue, Walk
from changerequests.admin.review import ReviewAdmin
from changerequests.admin.saved_filters import SavedFilterAdmin
from changerequests.models import ChangeRequest
from changerequests.queries.requests import searched
from core.templatetags.visible_text import visible
from core.text import normalized

FIELDS_IN_QUEUE = 3


@admin.register(ChangeRequest)
class ChangeRequestAdmin(BulkReviewAdmin, ReviewAdmin, SavedFilterAdmin):
    sidebar_icon = "rule"
    daily_work = 1
    list_display = ["subject_name", "changed_fields", "initiator", "age", "due", "holder", "kind_name", "state"]
    list_display_links = ["subject_name"]
    list_filter = [
        StatusFilter,
        TurnFilter,
        DueFilter,
        KindFilter,
        AgeFilter,
        ("initiator_member", InitiatorFilter),
        ParticipantFilter,
        FieldFilter,
        DecidedFilter,
    ]
    list_filter_submit = True
    paginator = KeyedPaginator
    list_before_template = "admin/changerequests/includes/status_tabs.html"
    search_fields = ["subject_id"]
    search_help_text = _("Name, username, id or external id of the contact or company")

    class Media:
        css = {"all": ["core/details.css", "core/controls.css", "changerequests/review.css"]}
        js = ["changerequests/look_first.js", "changerequests/review.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeRequest]:
        requests: Any = super().get_queryset(request)
        return requests.with_people().with_claims()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedChangeList]:
        return Walk if isinstance(request, WalkRequest) else Queue

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No actions if the list shows only decided requests."""
        return super().get_actions(request) if chosen_status(request) in {PENDING, ALL} else {}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in MOMENTS or super().lookup_allowed(lookup, value, request)

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """Pending requests oldest first, any others latest first."""
        return ["created_at", "id"] if chosen_status(request) == PENDING else ["-created_at", "-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ChangeRequest], search_term: str
    ) -> tuple[QuerySet[ChangeRequest], bool]:
        if not normalized(search_term):
            return queryset, False
        return searched(queryset, search_term), False

    @display(description=_("about"))
    def subject_name(self, row: ChangeRequest) -> str:
        if row.subject_id is None:
            return visible(row.subject)
        return format_html('<span>{} <span class="k-quiet">#{}</span></span>', visible(row.subject), row.subject_id)

    @display(description=_("kind"))
    def kind_name(self, row: ChangeRequest) -> str:
        return row.kind_label

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

    @display(description=_("requested by"))
    def initiator(self, row: Any) -> str:
        name = visible(row.initiator_name)
        if not row.is_own:
            return name
        return format_html('<span>{} <span class="k-badge">{}</span></span>', name, gettext("You"))

    @display(description=_("age"), ordering="created_at")
    def age(self, row: ChangeRequest) -> str:
        moment = localtime(row.created_at)
        return format_html(
            '<time datetime="{}" title="{}">{}</time>',
            moment.isoformat(),
            date_format(moment, "DATETIME_FORMAT"),
            timesince(row.created_at, depth=1),
        )

    @display(description=_("due"), empty_value="–")
    def due(self, row: ChangeRequest) -> str | None:
        """The time until the current stage is due, or to whom it was escalated since."""
        if row.due_at is None or not row.is_open:
            return None
        moment = localtime(row.due_at)
        is_overdue = row.due_at < timezone.now()
        text = gettext("overdue") if is_overdue else timeuntil(row.due_at, depth=1)
        if row.escalated_to is not None:
            text = format_html(gettext("escalated to {}"), visible(row.escalated_to.name))
        return format_html(
            '<time datetime="{}" title="{}"{}>{}</time>',
            moment.isoformat(),
            date_format(moment, "DATETIME_FORMAT"),
            format_html(' class="{}"', "k-badge k-warning") if is_overdue else "",
            text,
        )

    @display(description=_("with"), empty_value="–")
    def holder(self, row: ChangeRequest) -> str | None:
        """Who has it open now, and to whom it is assigned."""
        claim, assignment, shown = row.live_claim, row.present_assignment, []
        if claim is not None:
            until = date_format(localtime(claim.until), "TIME_FORMAT")
            shown.append((claim.member, gettext("has it open until %(moment)s") % {"moment": until}))
        if assignment is not None:
            shown.append((assignment.member, gettext("assigned")))
        if not shown:
            return None
        lines = [(visible(member.name), what) for member, what in shown]
        # In one element: on phones, the cell puts its elements side by side.
        return format_html("<div>{}</div>", format_html_join(mark_safe("<br>"), "{} <span>{}</span>", lines))

    @display(description=_("status"), label=STATE_COLOURS)
    def state(self, row: Any) -> tuple[str, str]:
        return state_of(row, is_outdated=row.is_outdated)
