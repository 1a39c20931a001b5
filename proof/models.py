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
