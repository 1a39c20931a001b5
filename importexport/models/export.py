"""Export jobs: the request, its progress and its file."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.jobs import UNFINISHED
from importexport.models.job import ONE_REQUESTER, Job


class ExportKind(models.TextChoices):
    CONTACTS = "contacts", _("Contacts")
    LEGAL_ENTITIES = "legalentities", _("Legal entities")


class ExportStatus(models.TextChoices):
    AWAITING_APPROVAL = "AwaitingApproval", _("Pending approval")
    PENDING = "Pending", _("Pending")
    RUNNING = "Running", _("Running")
    COMPLETED = "Completed", _("Completed")
    FAILED = "Failed", _("Failed")
    REJECTED = "Rejected", _("Rejected")
    CANCELLED = "Cancelled", _("Cancelled")


class ExportJob(Job):
    """A request for a CSV file.

    `query` (GraphQL) or `list_filter` (the query string of the admin list) selects the rows; both are empty for all
    rows. They may contain personal data, so they are cleared when the job finishes; while it awaits approval, only its
    change request has them. `columns` are the approved ones; None for all. `file_name` is set before the file is
    written, so that a crash leaves no untracked file in the storage. The file is deleted at `expires_at`.
    """

    kind = models.CharField(_("kind"), max_length=20, choices=ExportKind)
    status = models.CharField(_("status"), max_length=20, choices=ExportStatus, default=ExportStatus.PENDING)
    query = models.TextField(_("query"), blank=True)
    list_filter = models.TextField(_("filter of the list"), blank=True)
    columns = ArrayField(models.TextField(), verbose_name=_("columns"), null=True, blank=True)
    file_name = models.CharField(_("file"), max_length=200, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-created_at", "id"]
        constraints = [models.CheckConstraint(condition=ONE_REQUESTER, name="export_job_has_one_requester")]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(status__in=UNFINISHED), name="export_job_unfinished"),
            models.Index(fields=["expires_at"], condition=~Q(file_name=""), name="export_job_has_file"),
            models.Index(fields=["requested_by_member", "created_at"], name="export_job_of_member"),
        ]

    @property
    def is_awaiting_approval(self) -> bool:
        return self.status == ExportStatus.AWAITING_APPROVAL

    @property
    def is_finished(self) -> bool:
        return super().is_finished and not self.is_awaiting_approval
