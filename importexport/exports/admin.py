"""Exports in the admin: the user's own jobs, their progress and files. Lists have a button to start an export."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display

from accounts.admin_actor import ListButton, ReadOnlyAdmin, actor_of, register_list_button
from changerequests.admin.messages import may_see_requests, named_request, request_link
from contacts.admin import ContactAdmin
from core.errors import ApiError
from importexport.exports.columns import MODELS
from importexport.exports.download import download
from importexport.exports.queries import NOT_APPROVED, is_expired, own_export
from importexport.exports.selection import Selection
from importexport.exports.services import request_export
from importexport.job_messages import message_of
from importexport.job_ownership import requested_by
from importexport.models import ExportJob, ExportKind, ExportStatus
from importexport.permissions import MAY_EXPORT
from legalentities.admin import LegalEntityAdmin

STATUS_LABELS = {
    ExportStatus.AWAITING_APPROVAL: "warning",
    ExportStatus.PENDING: "info",
    ExportStatus.RUNNING: "info",
    ExportStatus.COMPLETED: "success",
    ExportStatus.FAILED: "danger",
    ExportStatus.REJECTED: "danger",
    ExportStatus.CANCELLED: "info",
}


@admin.register(ExportJob)
class ExportJobAdmin(ReadOnlyAdmin):
    sidebar_icon = "download"
    list_display = ["kind", "shown_status", "progress", "created_at", "expires_at", "file"]
    list_display_links = None
    list_filter = ["kind", "status"]
    ordering = ["-created_at"]
    sortable_by = ["created_at"]

    class Media:
        css = {"all": ["core/details.css", "core/jobs.css"]}
        js = ["importexport/jobs.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportJob]:
        rows = super().get_queryset(request).select_related("approval__change_request")
        rows = rows.annotate(may_open_requests=Value(may_see_requests(request), BooleanField()))
        actor = actor_of(request)
        return rows.none() if actor is None else requested_by(rows, actor)

    @display(description=_("status"), label=STATUS_LABELS)
    def shown_status(self, job: ExportJob) -> tuple[str, str]:
        return job.status, job.get_status_display()

    @display(description=_("progress"))
    def progress(self, job: Any) -> str:
        """Return a progress bar, the number of rows, or why there are none."""
        if job.is_awaiting_approval or job.status in NOT_APPROVED:
            return _approval(job)
        if job.status == ExportStatus.FAILED:
            return message_of(job) or gettext("The export failed. Request it again.")
        counted = ngettext(
            "%(processed)s of %(total)s row", "%(processed)s of %(total)s rows", 0 if job.total is None else job.total
        )
        rows = counted % {
            "processed": job.processed,
            "total": "?" if job.total is None else job.total,
        }
        if job.is_finished:
            return rows
        return format_html(
            '<progress data-unfinished-job max="{}" value="{}" aria-label="{}"></progress> {}',
            job.total or 1,
            job.processed,
            gettext("Progress"),
            rows,
        )

    @display(description=_("file"))
    def file(self, job: ExportJob) -> str:
        if job.status != ExportStatus.COMPLETED:
            return ""
        if is_expired(job):
            return gettext("Expired")
        address = reverse("admin:importexport_exportjob_download", args=[job.kind, job.pk])
        return format_html('<a class="k-link" href="{}">{}</a>', address, gettext("Download"))

    # ---- start and download

    def get_urls(self) -> list[URLPattern]:
        name = "importexport_exportjob"
        return [
            path("start/<str:kind>/", self.admin_site.admin_view(require_POST(self.start)), name=f"{name}_start"),
            path(
                "download/<str:kind>/<uuid:job_id>/",
                self.admin_site.admin_view(require_GET(self.download)),
                name=f"{name}_download",
            ),
            *super().get_urls(),
        ]

    def start(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Request an export of the rows that the list shows for this query string. Raise PermissionDenied; Http404."""
        actor = actor_of(request)
        if actor is None or not request.user.has_perm(MAY_EXPORT) or not _may_see(request, kind):
            raise PermissionDenied
        try:
            job = request_export(actor=actor, selection=Selection(kind, list_filter=request.GET.urlencode()))
        except ApiError as error:
            messages.error(request, str(error))
        else:
            _say_what_became_of(request, job)
        return HttpResponseRedirect(reverse("admin:importexport_exportjob_changelist"))

    def download(self, request: HttpRequest, kind: str, job_id: UUID) -> Any:
        """Return the file to the member who requested it. Raise PermissionDenied; Http404."""
        actor = actor_of(request)
        if actor is None or not self.has_view_permission(request):
            raise PermissionDenied
        try:
            job = own_export(actor=actor, kind=kind, job_id=job_id)
            if job.status != ExportStatus.COMPLETED:
                raise Http404
            return download(job)
        except ApiError as error:
            raise Http404(str(error)) from error


def _approval(job: Any) -> str:
    """Return the change request that the export waits or has waited for, with the reviewer's comment."""
    asked = job.approval.change_request
    return format_html("{} {}", named_request(asked.pk, is_link=job.may_open_requests), asked.review_comment or "")


def _say_what_became_of(request: HttpRequest, job: Any) -> None:
    if job.is_awaiting_approval:
        text = gettext("The export is pending approval: {}. Its file appears here once it is approved and written.")
        messages.warning(request, format_html(text, request_link(request, job.approval.change_request_id)))
    else:
        messages.success(request, gettext("The export was started. Its file appears here."))


def _may_see(request: HttpRequest, kind: str) -> bool:
    """Return whether the user may view the list of this kind. Raise Http404 for an unknown kind."""
    if kind not in ExportKind.values:
        raise Http404
    model = MODELS[kind]
    return bool(admin.site.get_model_admin(model).has_view_permission(request))


EXPORT_BUTTON = "admin/importexport/includes/export_button.html"
register_list_button(ContactAdmin, ListButton(EXPORT_BUTTON, ExportKind.CONTACTS))
register_list_button(LegalEntityAdmin, ListButton(EXPORT_BUTTON, ExportKind.LEGAL_ENTITIES))
