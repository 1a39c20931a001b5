"""Base model of the jobs of this app. All state is in the row; Celery tasks carry only its id."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApplication, Member
from core.jobs import LeasedJob

_BY_MEMBER = Q(requested_by_member__isnull=False)
_BY_APPLICATION = Q(requested_by_application__isnull=False)
_BY_SYSTEM = ~Q(requested_by_system="")
# Exactly one of: a member, an application, a command.
ONE_REQUESTER = (
    (_BY_MEMBER & ~_BY_APPLICATION & ~_BY_SYSTEM)
    | (~_BY_MEMBER & _BY_APPLICATION & ~_BY_SYSTEM)
    | (~_BY_MEMBER & ~_BY_APPLICATION & _BY_SYSTEM)
)


class Job(LeasedJob):
    """A job requested by a member, an application or a command."""

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
