"""What every job of this app records. The row is the truth; a task only names it."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApplication, Member

_BY_MEMBER = Q(requested_by_member__isnull=False)
_BY_APPLICATION = Q(requested_by_application__isnull=False)
_BY_SYSTEM = ~Q(requested_by_system="")
# A member, an application or a command asked for it, and exactly one of them.
ONE_REQUESTER = (
    (_BY_MEMBER & ~_BY_APPLICATION & ~_BY_SYSTEM)
    | (~_BY_MEMBER & _BY_APPLICATION & ~_BY_SYSTEM)
    | (~_BY_MEMBER & ~_BY_APPLICATION & _BY_SYSTEM)
)


class Job(models.Model):
    """Work that outlives a request: who asked for it, in which language, and how far it is.

    `attempts` counts how often a worker took the job. A worker that took it may write to the row only while this is
    still the number that it had then: one that was given up for lost changes nothing any more. `heartbeat_at` says
    when the worker last showed that it lives. `total` is null until it is known.
    """

    id = models.UUIDField(_("id"), primary_key=True, default=uuid4, editable=False)
    requested_by_member = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("member")
    )
    requested_by_application = models.ForeignKey(
        ClientApplication,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("client application"),
    )
    requested_by_system = models.CharField(_("system"), max_length=50, blank=True)
    language = models.CharField(_("language"), max_length=10, default="en")
    processed = models.PositiveIntegerField(_("processed"), default=0)
    total = models.PositiveIntegerField(_("total"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error_code = models.CharField(_("error code"), max_length=50, blank=True)
    error_message = models.TextField(_("error"), blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)
