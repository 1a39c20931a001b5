"""Seals over the ledger, in the order in which its entries were numbered."""

import pgtrigger
from django.db import models

from core.triggers import Guard, NeverEmptied, refuse


class Seal(models.Model):
    """A signature over the root of a Merkle tree, whose leaves are the entries of consecutive positions.

    `body` is the text that was signed (docs/proof.md), `entries` the lines that are the tree's leaves. `last` is the
    last position that this seal or one before it covers.
    """

    number = models.BigIntegerField(primary_key=True)
    last = models.BigIntegerField()
    body = models.TextField()
    signature = models.BinaryField()
    entries = models.TextField()

    class Meta:
        ordering = ["number"]
        default_permissions = ()
        triggers = [
            Guard(
                name="seals_are_append_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func=refuse("Refused for seal %: a seal is neither changed nor deleted.", "OLD.number"),
            ),
            NeverEmptied(name="seals_are_never_emptied"),
        ]

    def __str__(self) -> str:
        return f"{self.number}"


class Watch(models.Model):
    """How far beat has verified the ledger, seal by seal, over and over. There is one row.

    `findings` are those of this round so far, `found` those of the round before.
    """

    seal = models.BigIntegerField(default=0)
    findings = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_watch")]

    def __str__(self) -> str:
        return f"{self.seal}"
