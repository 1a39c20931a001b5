"""Exports that somebody else has to approve, as the subjects of change requests."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from changerequests.models import ChangeRequest
from importexport.models.export import ExportJob

# The kind of change request.
EXPORT = "export"


class ExportApproval(models.Model):
    """An export that is pending approval, or has waited for it. Its request says what the file would hold.

    `may_name_people` says that the filter of an export of contacts can hold something about a person.
    """

    job = models.OneToOneField(ExportJob, on_delete=models.PROTECT, related_name="approval")
    change_request = models.OneToOneField(ChangeRequest, on_delete=models.PROTECT, null=True, related_name="+")
    may_name_people = models.BooleanField()

    class Meta:
        verbose_name = _("approval of an export")
        verbose_name_plural = _("approvals of exports")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.job_id)
