"""Notifications of members about requests, in the admin."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from changerequests.models.requests import ChangeRequest


class Notification(models.Model):
    """Tells a member that something happened to a request. It holds no value: its text is made when it is shown.

    While one is unread, there is no other of the same event, so that ten comments make one.
    """

    class Event(models.TextChoices):
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        RETURNED = "returned", _("Returned to you")
        CANCELLED = "cancelled", _("Cancelled")
        COMMENTED = "commented", _("New comment")
        ASSIGNED = "assigned", _("Assigned to you")
        DUE_SOON = "due-soon", _("Due soon")
        ESCALATED = "escalated", _("Escalated to you")

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="notifications", db_index=False)
    request = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="notifications", db_index=False)
    event = models.CharField(max_length=20, choices=Event)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        default_permissions = ()
        ordering = ["-id"]
        constraints = [
            # Finds the unread ones of a member, too.
            models.UniqueConstraint(
                fields=["member", "request", "event"], condition=Q(read_at=None), name="unread_notification_once"
            )
        ]
        indexes = [
            models.Index(fields=["member", "-id"], name="notification_by_member"),
            models.Index(fields=["read_at"], condition=Q(read_at__isnull=False), name="notification_read"),
        ]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.event} #{self.request_id}"
