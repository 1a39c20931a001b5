"""The public holidays of the institution."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Holiday(models.Model):
    """A day that is free whatever weekday it is: hours of stages do not count on it.

    Holidays are configuration, so adding and changing one may wait for somebody else.
    """

    date = models.DateField(_("date"), unique=True)
    name = models.CharField(_("name"), max_length=100)

    class Meta:
        verbose_name = _("holiday")
        verbose_name_plural = _("holidays")
        ordering = ["date"]
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return f"{self.name}, {self.date}"
