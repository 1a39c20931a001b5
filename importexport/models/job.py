"""What every job of this app records. The row is the truth; a task only names it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApplication, Member
from core.jobs import LeasedJob

_BY_MEMBER = Q(requested_by_member__isnull=False)
_BY_APPLICATION = Q(requested_by_application__isnull=False)
_BY_SYSTEM = ~Q(requested_by_system="")
# A member, an application or a command asked for it, and exactly one of them.
ONE_REQUESTER = (
    (_BY_MEMBER & ~_BY_APPLICATION & ~_BY_SYSTEM)
    | (~_BY_MEMBER & _BY_APPLICATION & ~_BY_SYSTEM)
    | (~_BY_MEMBER & ~_BY_APPLICATION & _BY_SYSTEM)
)


class Job(LeasedJob):
    """A job that somebody asked for: a member, an application or a command."""

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
    error_code = models.CharField(_("error code"), max_length=50, blank=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)

    class Meta:
        abstract = True
