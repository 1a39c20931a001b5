"""Columns that only the database fills in."""

from typing import Any

from django.db import models
from django.db.models.expressions import DatabaseDefault


class FilledByDatabase(models.Model):
    """Leaves columns with a database default out of the INSERT, unless a value was given.

    Django would send DEFAULT for them, which needs the privilege to insert into these columns. The role that runs
    Kontor does not have it where the database has to say when something happened (`operations.privileges`).
    `bulk_create` still sends them.
    """

    class Meta:
        abstract = True

    def _do_insert(self, manager: Any, using: Any, fields: Any, returning_fields: Any, raw: bool) -> Any:
        sent = [field for field in fields if not isinstance(getattr(self, field.attname), DatabaseDefault)]
        return super()._do_insert(manager, using, sent, returning_fields, raw)  # type: ignore[misc]
