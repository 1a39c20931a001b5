"""Merges of contacts, those that were undone too."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.models import Entry
from contacts.models import triggers
from contacts.models.contact import Contact


class Merge(models.Model):
    """The merge of a contact into another one. It counts until an entry has undone it.

    The survivor had the details of `version_before`, and those of `version_after` since. `before` and `after` are the
    ids of what else the merge changed of the two: participants, members and groups (`merging.documents`).
    """

    survivor = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="merges", verbose_name=_("survivor"))
    loser = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="+", verbose_name=_("merged contact"))
    # The entries of the merged contact.
    made_by = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="+")
    undone_by = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    version_before = models.PositiveIntegerField()
    version_after = models.PositiveIntegerField()
    before = models.JSONField()
    after = models.JSONField()

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["loser"], condition=models.Q(undone_by__isnull=True), name="contact_merged_once"
            )
        ]
        triggers = triggers.OF_MERGES

    def __str__(self) -> str:
        return f"{self.loser_id} into {self.survivor_id}"
