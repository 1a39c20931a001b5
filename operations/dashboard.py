"""The index page of the admin: what waits for its reader, and running jobs, from all apps.

Users see a box only if they may open its list, and it counts the rows that the list shows them. Boxes about reviews are
for who may review, and those about requests of one's own for who has asked for something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from accounts.actor import Actor
from accounts.admin_actor import CappedPaginator, actor_of, actor_of_list
from accounts.queries import capped_text
from changerequests.addresses import MINE, TURN, page_address, queue_address, work_addresses
from changerequests.looking import listed_in_admin
from changerequests.models import ChangeRequest, Status
from changerequests.queries.work import Work
from contacts.models import CONTACT_TYPES, Contact
from contacts.queries.contacts import contacts_by_type
from events.queries.webhooks import State, troubled_webhooks
from events.services.webhooks import MAY_CHANGE as MAY_CHANGE_WEBHOOKS
from importexport.exports.admin import STATUS_LABELS as EXPORT_COLOURS
from importexport.exports.queries import NOT_APPROVED
from importexport.imports.admin import STATUS_LABELS as IMPORT_COLOURS
from importexport.job_ownership import jobs_at_hand
from importexport.models import ExportJob, ExportStatus, ImportJob, ImportStatus
from schemas.queries import list_data

FIRST_SHOWN = 6
# What was rejected longer ago came back to nobody.
REJECTED_SHOWN_FOR = timedelta(days=30)
JOBS_SHOWN = 5
JOBS_SHOWN_FOR = timedelta(days=1)
# The same limit as in the queue. Contacts have a higher one: their index is smaller, and their total matters.
MOST_REQUESTS = CappedPaginator.most
MOST_CONTACTS = 100_000

# Value of the queue's age filter and its label on the chart, in the order of the counts.
AGES = (
    ("fresh", _("Up to a day")),
    ("1-3", _("1 to 3 days")),
    ("3-7", _("3 to 7 days")),
    ("7-30", _("7 to 30 days")),
    ("30", _("Over 30 days")),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and the list behind it. `share` is its percentage of the largest number in the chart."""

    label: str
    number: str
    address: str
    share: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A request in a box: its page, and since when it is there."""

    row: ChangeRequest
    address: str
    moment: datetime
    age: str


@dataclass(frozen=True, slots=True)
class ShownJob:
    """An import or export as the jobs box shows it."""

    title: str
    address: str
    status: str
    colour: str
    job: ImportJob | ExportJob

    @property
    def has_begun(self) -> bool:
        """Whether it has a number of rows to show: an export that is not approved has none."""
        return self.job.status not in (ExportStatus.AWAITING_APPROVAL, *NOT_APPROVED)


@dataclass(frozen=True, slots=True)
class ShownWebhook:
    """A webhook that somebody has to look after."""

    url: str
    address: str
    application: str
    state: str
    since: datetime


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the template context of the page. Unfold's dashboard callback."""
    actor = actor_of_list(request)
    boxes: dict[str, Any] = {}
    if actor is not None:
        if _may_open(request, ChangeRequest):
            boxes |= _requests(request, actor)
        if _may_open(request, Contact):
            boxes["contacts"] = _contacts(actor)
        if _may_open(request, ImportJob) or _may_open(request, ExportJob):
            boxes["jobs"] = _jobs(request, actor)
        if request.user.has_perm(MAY_CHANGE_WEBHOOKS) and (webhooks := _webhooks()):
            boxes["webhooks"] = webhooks
    return {**context, "title": gettext("Overview"), "boxes": boxes, "is_member": actor is not None}


@require_GET
def jobs(request: HttpRequest) -> HttpResponse:
    """Render only the jobs box, which the page polls while a job runs. Raise PermissionDenied."""
    actor = actor_of(request)
    if actor is None or not (_may_open(request, ImportJob) or _may_open(request, ExportJob)):
        raise PermissionDenied
    return TemplateResponse(request, "admin/includes/jobs.html", {"jobs": _jobs(request, actor)})


def _requests(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """Return the boxes about requests: `tiles`, `review` for who may review, and `own` for who has asked."""
    now = timezone.now().replace(microsecond=0)
    rejected_since = now - REJECTED_SHOWN_FOR
    work = Work(actor, now=now, rejected_since=rejected_since)
    figures = work.figures(most=MOST_REQUESTS)
    rows = work.first_rows(figures, limit=FIRST_SHOWN)
    listed_in_admin(request, [*rows.to_decide, *rows.returned, *rows.rejected])
    addresses = work_addresses(actor.member_id, rejected_since=rejected_since)
    labels: dict[str, Any] = {}
    boxes: dict[str, Any] = {}
    if work.may_review:
        labels |= {"to_decide": _("You can decide now"), "overdue": _("Of those, overdue")}
        boxes["review"] = {
            "rows": [_line(row, row.created_at, now) for row in rows.to_decide],
            "ages": _ages(figures.ages) if figures.to_decide else [],
            "address": addresses["to_decide"],
        }
    if figures.asked:
        labels |= {
            "returned": _("Returned to you"),
            "rejected": _("Rejected, last 30 days"),
            "waiting": _("Requested by you, pending"),
        }
        boxes["own"] = {
            "returned": [_line(row, row.reviewed_at, now) for row in rows.returned],
            "rejected": [_line(row, row.reviewed_at, now) for row in rows.rejected],
            "addresses": addresses,
        }
    if labels:
        boxes["tiles"] = [
            _figure(label, getattr(figures, name), MOST_REQUESTS, addresses[name]) for name, label in labels.items()
        ]
    return boxes


def _ages(counts: Sequence[int]) -> list[Figure]:
    largest = max(counts)
    return [
        _figure(
            label, count, MOST_REQUESTS, queue_address(Status.PENDING, **{TURN: MINE, "age": asked}), largest=largest
        )
        for (asked, label), count in zip(AGES, counts, strict=True)
    ]


def _line(row: ChangeRequest, moment: Any, now: datetime) -> Line:
    return Line(row, page_address(row.pk), moment, timesince(moment, now, depth=1))


def _contacts(actor: Actor) -> dict[str, Any]:
    types = list_data(CONTACT_TYPES).sorted_items(get_language() or "")
    counts = contacts_by_type(actor=actor, type_ids=[item.id for item in types], most=MOST_CONTACTS)
    largest = max(counts.values(), default=0)
    address = reverse("admin:contacts_contact_changelist")
    return {
        "types": [
            _figure(item.name(), counts[item.id], MOST_CONTACTS, f"{address}?type={item.id}", largest=largest)
            for item in types
        ],
        "is_empty": largest == 0,
        "address": address,
    }


def _jobs(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """Return the actor's own jobs that are unfinished or finished recently."""
    since = timezone.now() - JOBS_SHOWN_FOR
    shown: list[ShownJob] = []
    may_import, may_export = _may_open(request, ImportJob), _may_open(request, ExportJob)
    imports = reverse("admin:importexport_importjob_changelist")
    exports = reverse("admin:importexport_exportjob_changelist")
    if may_import:
        for row in jobs_at_hand(ImportJob.objects.all(), actor, finished_since=since, limit=JOBS_SHOWN):
            title = gettext("Import: %(kind)s") % {"kind": row.get_kind_display()}
            address = reverse("admin:importexport_importjob_change", args=[row.pk])
            shown.append(
                ShownJob(title, address, row.get_status_display(), IMPORT_COLOURS[ImportStatus(row.status)], row)
            )
    if may_export:
        for job in jobs_at_hand(ExportJob.objects.all(), actor, finished_since=since, limit=JOBS_SHOWN):
            title = gettext("Export: %(kind)s") % {"kind": job.get_kind_display()}
            shown.append(
                ShownJob(title, exports, job.get_status_display(), EXPORT_COLOURS[ExportStatus(job.status)], job)
            )
    shown.sort(key=lambda one: (not one.job.is_finished, one.job.created_at), reverse=True)
    return {
        "shown": shown[:JOBS_SHOWN],
        "imports_address": imports if may_import else None,
        "exports_address": exports if may_export else None,
    }


def _webhooks() -> list[ShownWebhook]:
    """Return the webhooks whose receiver fails or was given up."""
    return [
        ShownWebhook(
            row.url,
            reverse("admin:events_webhook_change", args=[row.pk]),
            row.application.name,
            str(State(row.state).label),
            row.failing_since or row.stopped_at,
        )
        for row in troubled_webhooks()[:FIRST_SHOWN]
    ]


def _may_open(request: HttpRequest, model: type[Model]) -> bool:
    """Return whether the user may open the model's list in the admin."""
    model_admin = admin.site.get_model_admin(model)
    return bool(model_admin.has_view_permission(request))


def _figure(label: Any, count: int, most: int, address: str, *, largest: int = 0) -> Figure:
    share = max(round(100 * count / largest), 1) if count and largest else 0
    return Figure(str(label), capped_text(count, most), address, share)
