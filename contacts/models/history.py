"""The history of details. It is append-only; database triggers enforce this."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApplication, Member
from contacts.models import triggers
from contacts.models.contact import Contact
from core.documents import Document, with_values

# At most one person initiates a change set: members and contacts do not act for each other.
ONE_PERSON = models.Q(initiator_member__isnull=True) | models.Q(initiator_contact__isnull=True)


def _initiated_by(initiator: str, name: str) -> models.Index:
    """Index of everything an initiator did. Partial, because a change set has only one of the three initiators."""
    column = f"initiator_{initiator}"
    return models.Index(fields=[column], condition=models.Q((f"{column}__isnull", False)), name=f"%(class)s_{name}")


class History(models.Model):
    """Base of every history of details: when a submission took effect, who made it and what it changed.

    `changes` is a list of `{"path", "original", "target"}`, null for no value. `paths` contains those paths and all
    their ancestors, so that a search for a path also finds changes below it.
    """

    id = models.BigAutoField(primary_key=True)
    version = models.PositiveIntegerField(_("version"))
    executed_at = models.DateTimeField(_("executed"), default=timezone.now)
    initiator_member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("member"),
        db_index=False,
    )
    initiator_contact = models.ForeignKey(
        Contact,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("contact"),
        db_index=False,
    )
    initiator_application = models.ForeignKey(
        ClientApplication,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("client application"),
        db_index=False,
    )
    initiator_system = models.CharField(_("system"), max_length=50, blank=True)
    changes = models.JSONField(_("changes"))
    paths = ArrayField(models.TextField())

    class Meta:
        abstract = True
        indexes = [
            _initiated_by("member", "member"),
            _initiated_by("contact", "contact"),
            _initiated_by("application", "app"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    def undone(self, document: Document) -> Document:
        """Return the document as it was before these changes."""
        return with_values(document, {change["path"]: change["original"] for change in self.changes})

    @property
    def initiator_person(self) -> Member | Contact | None:
        """The member or contact who made the changes; None for applications and the system."""
        return self.initiator_member or self.initiator_contact


class ChangeSet(History):
    """The changes that one submission made to a contact."""

    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="change_sets", db_index=False)
    comment = models.TextField(_("comment"), null=True, blank=True)

    class Meta(History.Meta):
        verbose_name = _("change set")
        verbose_name_plural = _("change sets")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["contact", "version"], name="change_set_version_once_per_contact"),
            models.CheckConstraint(condition=ONE_PERSON, name="change_set_has_one_initiating_person"),
        ]
        triggers = triggers.OF_CHANGE_SETS
