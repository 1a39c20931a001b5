"""The versions of the policies."""

from uuid import uuid4

from django.contrib.auth.models import Group
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from changerequests.models import triggers
from core.database_defaults import FilledByDatabase


class PolicyVersion(FilledByDatabase):
    """One version of the policies of all kinds; the latest counts. Never edited: a change adds a version.

    `document` maps kinds to policies (`changerequests.policies`). A kind that it does not name has the policy that it
    ships with, as have all kinds while there is no version. `groups` are those that the document names, so that none of
    them can be deleted.
    """

    uid = models.UUIDField(_("uid"), default=uuid4, unique=True, editable=False)
    number = models.PositiveIntegerField(_("version"), unique=True)
    document = models.JSONField(_("policies"))
    groups = models.ManyToManyField(Group, through="PolicyGroup", related_name="+")
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("policy version")
        verbose_name_plural = _("policies")
        ordering = ["-number"]
        permissions = [("change_policies", gettext_noop("Can ask for changes of the policies"))]
        triggers = triggers.OF_POLICIES

    def __str__(self) -> str:
        return f"#{self.number}"


class PolicyGroup(models.Model):
    """A group that a version of the policies names."""

    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "group"], name="policy_names_group_once")]

    def __str__(self) -> str:
        return f"{self.version_id}: {self.group_id}"
