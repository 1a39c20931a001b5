"""Imports in the admin: the user's own jobs with progress and failures, and a form to start one."""

import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from accounts.actor import Actor
from accounts.admin_actor import CappedAdmin, actor_of
from changerequests.admin.messages import request_link
from changerequests.kinds import request_kind
from core.errors import ApiError
from importexport.imports.failurefile import write_failures
from importexport.imports.queries import FAILURES_AT_ONCE, each_failure, failures_of, notices_of
from importexport.imports.services import start_sync
from importexport.imports.uploads import store_uploads
from importexport.job_messages import message_of
from importexport.job_ownership import requested_by
from importexport.models import DuplicateMode, ImportFile, ImportJob, ImportKind, ImportStatus

FAILURES_SHOWN = 200
STATUS_LABELS = {
    ImportStatus.PENDING: "info",
    ImportStatus.RUNNING: "info",
    ImportStatus.COMPLETED: "success",
    ImportStatus.COMPLETED_WITH_ERRORS: "warning",
    ImportStatus.FAILED: "danger",
}


class FilesInput(UnfoldAdminFileFieldWidget):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One file or many."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        given = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(file, initial) for file in given or [None]]


class ImportForm(forms.Form):
    """The kind and files to import."""

    kind = forms.ChoiceField(label=_("What"), choices=ImportKind.choices, widget=UnfoldAdminSelectWidget)
    uploads = FilesField(label=_("Files"), help_text=_("A JSON array, or one entry per line; gzip is accepted."))
    duplicates = forms.ChoiceField(
        label=_("Probable duplicates"),
        choices=DuplicateMode.choices,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Of contacts: entries that are probably the same person as another one that you see."),
    )
    is_dry_run = forms.BooleanField(
        label=_("Dry run"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_(
            "Check every entry and write the report, but save nothing. The files stay available for the import itself."
        ),
    )


@admin.register(ImportJob)
class ImportJobAdmin(CappedAdmin):
    sidebar_icon = "upload_file"
    list_display = ["shown_kind", "shown_status", "progress", "created_at", "finished_at"]
    list_filter = ["kind", "status", "is_dry_run"]
    ordering = ["-created_at"]
    sortable_by = ["created_at"]

    class Media:
        css = {"all": ["core/details.css", "core/controls.css", "core/jobs.css"]}
        js = ["importexport/jobs.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportJob]:
        rows = super().get_queryset(request).select_related("schema_version")
        actor = actor_of(request)
        return rows.none() if actor is None else requested_by(rows, actor)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and actor_of(request) is not None

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Members who may import may also view their imports."""
        return super().has_view_permission(request, obj) or self.has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description=_("what"))
    def shown_kind(self, job: ImportJob) -> str:
        kind = job.get_kind_display()
        return gettext("%(kind)s, dry run") % {"kind": kind} if job.is_dry_run else kind

    @display(description=_("status"), label=STATUS_LABELS)
    def shown_status(self, job: ImportJob) -> tuple[str, str]:
        return job.status, job.get_status_display()

    @display(description=_("progress"))
    def progress(self, job: ImportJob) -> str:
        """Return the counts of entries, with a progress bar while the job is unfinished."""
        counted = ngettext(
            "%(processed)s of %(total)s entry, %(failed)s failed",
            "%(processed)s of %(total)s entries, %(failed)s failed",
            job.total or 0,
        )
        entries = counted % {
            "processed": job.processed,
            "total": job.total,
            "failed": job.failed,
        }
        if job.awaiting_approval:
            waiting = ngettext("%(number)s pending approval", "%(number)s pending approval", job.awaiting_approval)
            entries = f"{entries}, {waiting % {'number': job.awaiting_approval}}"
        if job.is_finished:
            return entries
        return format_html(
            '<progress data-unfinished-job max="{}" value="{}" aria-label="{}"></progress> {}',
            job.total or 1,
            job.processed,
            gettext("Progress"),
            entries,
        )

    # ---- starting

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form; on POST, upload the files and start the import."""
        actor = actor_of(request)
        if actor is None or not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                job = _start(actor, form.cleaned_data)
            except ApiError as error:
                told = [text for texts in (error.properties or {}).values() for text in texts]
                form.add_error("uploads", [str(text) for text in told] or str(error))
            else:
                messages.success(request, gettext("The import was started."))
                return HttpResponseRedirect(_address(job))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Import"),
            "media": self.media,
            "form": form,
            "list_address": reverse("admin:importexport_importjob_changelist"),
        }
        return TemplateResponse(request, "admin/importexport/importjob/start.html", context)

    # ---- the job's page

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the status of an import, updated while it runs."""
        job: Any = self.get_object(request, unquote(object_id))
        if job is None:
            raise Http404
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": job,
            "title": self.shown_kind(job),
            "media": self.media,
            "job": job,
            "message": message_of(job),
            "status_colour": STATUS_LABELS[ImportStatus(job.status)],
            "files": ImportFile.objects.filter(pk__in=job.file_ids),
            "failures": failures_of(job)[:FAILURES_SHOWN],
            "notices": notices_of(job)[:FAILURES_SHOWN] if job.duplicates == DuplicateMode.REPORT else (),
            "change_requests": [
                (request_kind(kind).label, request_link(request, pk))
                for pk, kind in job.change_requests.order_by("pk").values_list("pk", "kind")
            ],
            "failures_shown": FAILURES_SHOWN,
            "list_address": reverse("admin:importexport_importjob_changelist"),
            "failures_address": reverse("admin:importexport_importjob_failures", args=[job.pk]),
        }
        return TemplateResponse(request, "admin/importexport/importjob/job.html", context)

    def get_urls(self) -> list[URLPattern]:
        failures = self.admin_site.admin_view(require_GET(self.failures))
        return [
            path("<uuid:job_id>/failures.csv", failures, name="importexport_importjob_failures"),
            *super().get_urls(),
        ]

    def failures(self, request: HttpRequest, job_id: UUID) -> Any:
        """Return all faults of the import's entries as CSV."""
        job = self.get_queryset(request).filter(pk=job_id).first()
        if job is None or not self.has_view_permission(request, job):
            raise Http404
        answer = StreamingHttpResponse(_csv(job), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="failures.csv"'
        return answer


@transaction.atomic
def _start(actor: Actor, asked: dict[str, Any]) -> ImportJob:
    """Upload the files and start a sync. Raise the ApiErrors of `store_uploads` and `start_sync`."""
    kind = ImportKind(asked["kind"])
    files = store_uploads(actor=actor, kind=kind, uploads=asked["uploads"])
    names = [file.name for file in files]
    duplicates = asked["duplicates"] if kind == ImportKind.CONTACTS else ""
    return start_sync(
        actor=actor,
        kind=kind,
        names=names,
        is_dry_run=asked["is_dry_run"],
        duplicates=duplicates or DuplicateMode.IGNORE,
    )


def _csv(job: ImportJob) -> Iterator[str]:
    """Yield the CSV file in chunks."""
    output = io.StringIO()
    for line in write_failures(output, each_failure(job)):
        if line % FAILURES_AT_ONCE == 0:
            yield output.getvalue()
            output.seek(0)
            output.truncate()
    yield output.getvalue()


def _address(job: ImportJob) -> str:
    return reverse("admin:importexport_importjob_change", args=[job.pk])
