"""Uses of the break-glass switch of commands."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

# The kind of change request for the review.
BREAK_GLASS = "break-glass"


class BreakGlass(models.Model):
    """A command that did at once what two people have to agree on, for a reason that somebody else reviews."""

    command = models.CharField(_("command"), max_length=100)
    arguments = models.TextField(_("arguments"), blank=True)
    reason = models.TextField(_("reason"))
    operator = models.CharField(_("operator"), max_length=100)
    used_at = models.DateTimeField(_("used at"), db_default=Now(), editable=False)
    is_reviewed = models.BooleanField(_("reviewed"), default=False)

    class Meta:
        verbose_name = _("use of break glass")
        verbose_name_plural = _("uses of break glass")
        ordering = ["-id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=~models.Q(reason=""), name="break_glass_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.command} #{self.pk}"
