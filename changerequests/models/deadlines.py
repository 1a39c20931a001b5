"""Mails about stages that are due soon, or overdue."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from changerequests.models.requests import ChangeRequest
from changerequests.models.revisions import RequestStage


class DeadlineMail(models.Model):
    """What a member is mailed about a stage that a request waits in, once per reason. `is_due` until it is sent."""

    class Reason(models.TextChoices):
        DUE_SOON = "due-soon", _("Due soon")
        ESCALATED = "escalated", _("Escalated to you")

    request = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="+")
    stage = models.ForeignKey(RequestStage, on_delete=models.PROTECT, related_name="+", db_index=False)
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(_("reason"), max_length=10, choices=Reason)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    is_due = models.BooleanField(default=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["stage", "member", "reason"], name="deadline_mail_once_per_stage")
        ]
        indexes = [models.Index(fields=["created_at"], condition=models.Q(is_due=True), name="deadline_mail_due")]

    def __str__(self) -> str:
        return f"{self.reason}: #{self.request_id}"
