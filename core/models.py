"""Rows of no app's own: stored files to delete."""

from django.db import models
from django.utils import timezone


class PendingFileDeletion(models.Model):
    """A stored file to delete at `since` or later, because no row uses it. See `core.stored_files`."""

    name = models.TextField(unique=True)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        # The table's original name: the previous version still runs while a new one is deployed.
        db_table = "contacts_obsoletefile"

    def __str__(self) -> str:
        return self.name
