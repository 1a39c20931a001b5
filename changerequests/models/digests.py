"""Who gets a mail each working day about what waits."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Member


class DailyDigest(models.Model):
    """A member's wish for a mail each working day; without a row there is none.

    `day` is the last day for which it was due, `is_due` says that the mail of that day is not sent yet. The mail says
    what was rejected from `covers_from` on, which is when the mail before was sent.
    """

    member = models.OneToOneField(Member, on_delete=models.CASCADE, primary_key=True, related_name="daily_digest")
    language = models.CharField(max_length=10)
    day = models.DateField()
    covers_from = models.DateTimeField(default=timezone.now)
    is_due = models.BooleanField(default=False)
    due_since = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("daily digest")
        verbose_name_plural = _("daily digests")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.member_id}: {self.day}"
