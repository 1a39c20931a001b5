"""The systems in which contacts have external ids."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.names import LoginName
from contacts.models import triggers

MAX_SYSTEM = 100


class ExternalSystem(models.Model):
    """A system in which contacts may have ids; the identity providers of the settings are others.

    Systems are configuration, so adding and renaming one may wait for somebody else. Connections have the name itself,
    so one in which contacts have ids keeps it.
    """

    name = models.CharField(_("name"), max_length=MAX_SYSTEM)

    class Meta:
        verbose_name = _("external system")
        verbose_name_plural = _("external systems")
        ordering = ["name"]
        default_permissions = ("view", "add", "change")
        constraints = [
            models.UniqueConstraint(LoginName("name"), name="external_system_name_unique"),
        ]
        triggers = triggers.OF_SYSTEMS

    def __str__(self) -> str:
        return self.name
