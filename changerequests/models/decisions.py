"""What people decided."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from changerequests.models import triggers
from changerequests.models.revisions import RequestStage, Revision
from core.database_defaults import FilledByDatabase


class Verdict(models.TextChoices):
    APPROVE = "approve", _("Approved")
    REJECT = "reject", _("Rejected")
    RETURN = "return", _("Returned")


class Decision(FilledByDatabase):
    """What one person said of one revision, once. Append-only.

    `on_behalf_of` is the absent member whose sight the decider used. `digest` is that of what the decider was shown,
    empty if it did not say (`changerequests.digests`). `paths` are those that it kept when it struck the others.
    """

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="decisions", db_index=False)
    stage = models.ForeignKey(RequestStage, on_delete=models.PROTECT, related_name="decisions")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="decisions", verbose_name=_("member"))
    on_behalf_of = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("on behalf of")
    )
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict)
    comment = models.TextField(_("comment"), null=True, blank=True)
    digest = models.CharField(_("digest"), max_length=64, blank=True, default="")
    paths = ArrayField(models.TextField(), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided"), db_default=Now())

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "member"], name="decision_once_per_revision_and_member"),
            models.UniqueConstraint(
                fields=["revision", "on_behalf_of"],
                condition=Q(on_behalf_of__isnull=False),
                name="decision_once_per_revision_and_represented_member",
            ),
            models.CheckConstraint(
                condition=Q(on_behalf_of__isnull=True) | ~Q(on_behalf_of=F("member")),
                name="decision_is_on_behalf_of_somebody_else",
            ),
        ]
        triggers = triggers.OF_DECISIONS

    def __str__(self) -> str:
        return f"#{self.pk}"
