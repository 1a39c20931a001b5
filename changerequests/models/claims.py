"""Who has a request open, and to whom it is assigned. Advice for the others: it bars nobody from deciding."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from changerequests.models.requests import ChangeRequest


class RequestClaim(models.Model):
    """A member has a request open, from `claimed_at` until it renews the claim no more.

    Only pending requests count as claimed, and only until then (`ChangeRequest.live_claim`).
    """

    request = models.OneToOneField(ChangeRequest, on_delete=models.PROTECT, primary_key=True, related_name="claim")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+", verbose_name=_("member"))
    claimed_at = models.DateTimeField(_("claimed"))
    until = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(until__gt=F("claimed_at")), name="claim_ends_after_it_begins"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class RequestAssignment(models.Model):
    """An open request is a member's to decide, as somebody who could decide it has said."""

    request = models.OneToOneField(ChangeRequest, on_delete=models.PROTECT, primary_key=True, related_name="assignment")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+", verbose_name=_("member"))
    assigned_by = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("assigned by")
    )
    assigned_at = models.DateTimeField(_("assigned"), default=timezone.now)

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        default_permissions = ()

    def __str__(self) -> str:
        return f"#{self.pk}"
