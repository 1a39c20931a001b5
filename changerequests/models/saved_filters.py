"""Filters of the queue that a member has saved."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Member


class SavedFilter(models.Model):
    """Filters under a name of the member's own. `query` is that of the queue's URL, and holds no search term."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(_("filters"), max_length=2000)

    class Meta:
        verbose_name = _("saved filter")
        verbose_name_plural = _("saved filters")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["member", "name"], name="saved_filter_name_once_per_member")]

    def __str__(self) -> str:
        return self.name
