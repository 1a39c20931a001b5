"""Uses of break glass, what is configured as subjects of change requests, and decisions about groups."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from administration import triggers
from changerequests.models import Decision

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


class ConfigurationSubject(models.Model):
    """Something that is configured, such as a participant, as the subject of change requests and of the ledger.

    `sort` is the key of its sort (`administration.configuration`), and `object_id` the id of its row there, null until
    somebody has approved a new one. `name` is what it was called when it was last changed or asked for.
    """

    sort = models.CharField(_("sort"), max_length=40)
    object_id = models.IntegerField(null=True)
    name = models.CharField(_("name"), max_length=200)

    class Meta:
        verbose_name = _("configuration")
        verbose_name_plural = _("configuration")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["sort", "object_id"], name="configuration_has_one_subject")]

    def __str__(self) -> str:
        return self.name


class GroupDecision(Decision):
    """A decision, with the rule about the rights of groups."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = triggers.OF_DECISIONS
