"""What happened, in an order that never changes: one event for each entry of the ledger."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import ClientApplication
from audit.fields import TransactionIdField
from audit.models import Entry
from core.triggers import Guard, NeverEmptied, refuse

MAX_TYPE = 60


class Event(models.Model):
    """The position of a ledger entry in the feed, and who receives it.

    Positions count from 1 without gaps, in the order in which readers may see events: what commits later comes later.
    `participants` are those of the subject when the entry was written, `participants_before` those before it, where it
    changed them; null for both where every application receives the event. An application without participants receives
    all events; `application` receives its own event whatever its participants.
    """

    position = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="event")
    type = models.CharField(max_length=MAX_TYPE)
    participants = ArrayField(models.IntegerField(), null=True)
    participants_before = ArrayField(models.IntegerField(), null=True)
    application = models.ForeignKey(
        ClientApplication, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["position"]
        default_permissions = ()
        triggers = [
            Guard(
                name="events_are_append_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func=refuse("Refused for event %: what happened stays in the feed.", "OLD.position"),
            ),
            NeverEmptied(name="events_are_never_emptied"),
        ]

    def __str__(self) -> str:
        return f"#{self.position}"


class Numbering(models.Model):
    """How far the ledger's entries have been numbered. There is one row.

    Every entry of a transaction below `horizon`, and every entry up to `floor`, has its event or needs none.
    """

    horizon = TransactionIdField()
    floor = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_numbering")]

    def __str__(self) -> str:
        return f"{self.floor}"
