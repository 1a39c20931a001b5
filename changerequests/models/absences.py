"""Absences, during which a substitute may decide with the sight of the absent member."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from changerequests.models import triggers


class Absence(models.Model):
    """A member is absent from `starts_on` to `ends_on`, both included, and has a substitute.

    The substitute must be a reviewer, and borrows only the sight of the absent member. It may not decide a request that
    the absent member may not decide (`changerequests.eligibility`).
    """

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="absences", verbose_name=_("member"))
    substitute = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="substitutions", verbose_name=_("substitute")
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("until"))

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        ordering = ["-starts_on", "-id"]
        triggers = triggers.OF_ABSENCES
        constraints = [
            models.CheckConstraint(
                condition=~Q(member=F("substitute")),
                name="absence_names_somebody_else",
                violation_error_message=_("A member cannot be its own substitute."),
            ),
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="absence_ends_after_it_starts",
                violation_error_message=_("The absence ends before it starts."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} → {self.substitute_id}"
