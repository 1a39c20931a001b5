"""Rows about the processes themselves."""

from django.db import models


class SchedulerLease(models.Model):
    """The one row that says which of the schedulers (beat) sends tasks. See `operations.scheduler`.

    `sent` has the time at which each entry of the schedule was last sent, by its name, in ISO 8601.
    """

    holder = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    sent = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.holder
