"""Uses of break glass, what is configured as subjects of change requests, and what the directory says over SCIM."""

from django.contrib.auth.models import Group
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.names import unique_name
from administration import triggers
from changerequests.models import Decision

# The kind of change request for the review.
BREAK_GLASS = "break-glass"

# As Django calls it.
GROUP_NAME_TAKEN = "auth_group_name_key"


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


class NamedGroup(Group):
    """A group of staff, with the rule about its name."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [unique_name("auth_group", constraint=GROUP_NAME_TAKEN)]


class GroupDecision(Decision):
    """A decision, with the rule about the rights of groups."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = triggers.OF_DECISIONS


class ProvisionedUser(models.Model):
    """A user as the institution's directory describes it over SCIM, whether or not that has been approved here.

    Without such a row the directory has never written to the user. One that it has deleted is closed here.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="provisioned")
    external_id = models.CharField(max_length=255, null=True)
    user_name = models.CharField(max_length=150)
    given_name = models.CharField(max_length=150, null=True)
    family_name = models.CharField(max_length=150, null=True)
    email = models.CharField(max_length=254, null=True)
    is_active = models.BooleanField(default=True)
    is_deleted = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                Lower("user_name"), condition=models.Q(is_deleted=False), name="provisioned_user_name_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}"


class ProvisionedGroup(models.Model):
    """A group as the institution's directory describes it over SCIM. What it is called here stays as it is."""

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="provisioned")
    external_id = models.CharField(max_length=255, null=True)
    display_name = models.CharField(max_length=150)
    is_deleted = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.display_name


class ProvisionedMembership(models.Model):
    """That the directory has put a user into a group; the user is in it once somebody here has approved that."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="provisioned_memberships")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="provisioned_membership_once")]

    def __str__(self) -> str:
        return f"{self.user_id}"
