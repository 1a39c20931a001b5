"""The ledger: one table of entries for the history of every kind of subject. It knows no subject's table."""

from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models import ClientApplication, Member
from audit import triggers
from audit.access.models import Access, AccessLoss, AccessProcess
from audit.fields import CurrentTransactionId, TransactionIdField
from core.correlation import MAX_LENGTH
from core.documents import Document, with_values

__all__ = ["Access", "AccessLoss", "AccessProcess", "Entry", "EntryQuerySet", "Erasure"]


def _initiated_by(initiator: str, name: str) -> models.Index:
    """Index of everything an initiator did. Partial, because an entry has only one of the three initiators."""
    column = f"initiator_{initiator}"
    return models.Index(fields=[column], condition=models.Q((f"{column}__isnull", False)), name=name)


class EntryQuerySet(models.QuerySet["Entry"]):
    def of(self, kind: str, subject_id: int) -> Self:
        """Return the entries of one subject."""
        return self.filter(kind=kind, subject_id=subject_id)

    def with_people(self) -> Self:
        """Select the member or contact who made each change, without the contact's details."""
        return self.select_related("initiator_member__user", "initiator_contact").defer("initiator_contact__details")


class Entry(models.Model):
    """The changes that one submission made to a subject: when they took effect, who made them and what they are.

    `sequence` counts the subject's entries from 1; where the subject has a version, it is that version. `changes` is a
    list of `{"path", "original", "target"}`, null for no value. `paths` contains those paths and all their ancestors,
    so that a search for a path also finds changes below it. The database fills in `recorded_at` and `transaction_id`;
    entries from before version 0.3 have no transaction.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=40)
    subject_id = models.IntegerField()
    sequence = models.PositiveIntegerField()
    recorded_at = models.DateTimeField(db_default=Now())
    transaction_id = TransactionIdField(null=True, db_default=CurrentTransactionId(), editable=False)
    initiator_member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    # Strings, because contacts and change requests are above this app.
    initiator_contact = models.ForeignKey(
        "contacts.Contact",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    initiator_application = models.ForeignKey(
        ClientApplication,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    initiator_system = models.CharField(max_length=50, blank=True)
    # Of the request or the task in which it was written, as on the lines of the log.
    correlation_id = models.CharField(max_length=MAX_LENGTH, null=True, editable=False)
    comment = models.TextField(null=True, blank=True)
    changes = models.JSONField()
    paths = ArrayField(models.TextField())
    change_request = models.ForeignKey(
        "changerequests.ChangeRequest",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entries",
        db_index=False,
    )
    # See audit/commitments.py. The salt is erased with the values. All are null in entries of the previous version
    # until they are chained.
    salt = models.BinaryField(null=True)
    commitments = models.BinaryField(null=True)
    entry_hash = models.BinaryField(null=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id", "sequence"], name="entry_once_in_sequence"),
            # Members and contacts do not act for each other.
            models.CheckConstraint(
                condition=models.Q(initiator_member__isnull=True) | models.Q(initiator_contact__isnull=True),
                name="entry_has_one_initiating_person",
            ),
        ]
        indexes = [
            _initiated_by("member", "entry_by_member"),
            _initiated_by("contact", "entry_by_contact"),
            _initiated_by("application", "entry_by_application"),
            models.Index(
                fields=["change_request"],
                condition=models.Q(change_request__isnull=False),
                name="entry_by_change_request",
            ),
            # For subjects in the order of their latest change, and those that changed since a time.
            models.Index(fields=["recorded_at"], name="entry_by_time"),
            # For numbering what has been committed since.
            models.Index(fields=["transaction_id"], name="entry_by_transaction"),
            # For chaining what the previous version has written.
            models.Index(fields=["id"], condition=models.Q(entry_hash__isnull=True), name="entry_not_chained"),
        ]
        triggers = triggers.OF_ENTRIES

    def __str__(self) -> str:
        return f"#{self.pk}"

    def undone(self, document: Document) -> Document:
        """Return the document as it was before these changes."""
        return with_values(document, {change["path"]: change["original"] for change in self.changes})

    @property
    def initiator_person(self) -> Any:
        """The member or contact who made the changes; None for applications and the system."""
        return self.initiator_member or self.initiator_contact


class Erasure(models.Model):
    """Records that the values in a subject's entries were erased. Only with it does the database let them go."""

    kind = models.CharField(max_length=40)
    subject_id = models.IntegerField()
    erased_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["kind", "subject_id"], name="erased_once")]
        triggers = triggers.OF_ERASURES

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"
