"""Contacts, their assignments and their ids in other systems."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Concat, Left, NullIf, Trim, Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.models import Member, Participant, User
from accounts.names import LoginName
from audit.models import Entry
from contacts.models import login_names, triggers
from contacts.models.systems import MAX_SYSTEM
from contacts.querysets import ContactQuerySet
from core.documents import value_at
from core.folding import Folded
from schemas.models import ListItem

# The kinds of the ledger and of change requests, the schema of details, and the list of contact types.
CONTACT_DETAILS = triggers.CONTACT_DETAILS
CONTACT_ACCESS = triggers.CONTACT_ACCESS
ANONYMIZATION = triggers.ANONYMIZATION
CONTACT_IDENTITY = triggers.CONTACT_IDENTITY
CONTACT_CREATION = triggers.CONTACT_CREATION
MERGE, UNMERGE = triggers.MERGE, triggers.UNMERGE
KINDS_OF_PAIRS = triggers.KINDS_OF_PAIRS
CONTACT_KINDS = triggers.CONTACT_KINDS
CONTACT_SCHEMA = "contact"
CONTACT_TYPES = "contact-type"

MAX_USERNAME = 254
MAX_EXTERNAL_ID = 200


EMPTY = models.Value("", output_field=models.TextField())
SPACE = models.Value(" ", output_field=models.TextField())


def _text(path: str) -> models.Expression:
    return Coalesce(KT(f"details__personalInformation__{path}"), EMPTY)


# A contact's name everywhere: its displayName, else its first and last name, else its username.
NAME = Coalesce(
    NullIf(_text("displayName"), EMPTY),
    NullIf(Trim(Concat(_text("firstName"), SPACE, _text("lastName"))), EMPTY),
    models.F("username"),
    EMPTY,
    output_field=models.TextField(),
)


# Where the parts of a name are in the details.
NAME_FIELDS = frozenset(f"personalInformation.{key}" for key in ("displayName", "firstName", "middleName", "lastName"))


def name_of(*, details: Mapping[str, Any], username: str | None) -> str:
    """Return NAME for a contact that has no row yet."""
    display, first, last = (
        str(value_at(details, f"personalInformation.{key}") or "") for key in ("displayName", "firstName", "lastName")
    )
    return display or f"{first} {last}".strip(" ") or username or ""


# The sort key of lists, because a whole name may exceed the maximum size of an index entry.
START_OF_NAME = Left(Folded("name"), 100)


class Contact(models.Model):
    """A client or prospect. See docs/architecture.md, "Changing details", for the only way to change its details."""

    uid = models.UUIDField(_("uid"), default=uuid4, unique=True, editable=False)
    type = models.ForeignKey(
        ListItem,
        on_delete=models.PROTECT,
        related_name="+",
        limit_choices_to={"list__key": CONTACT_TYPES},
        verbose_name=_("type"),
    )
    username = models.CharField(_("username"), max_length=MAX_USERNAME, null=True, blank=True)
    details = models.JSONField(_("details"), default=dict)
    name = models.GeneratedField(
        expression=NAME, output_field=models.TextField(_("name")), db_persist=True, verbose_name=_("name")
    )
    version = models.PositiveIntegerField(_("version"), default=1)
    # (entry_kind, id, version) is a foreign key to the ledger's entry of this version, checked when a transaction ends.
    entry_kind = models.CharField(max_length=40, default=CONTACT_DETAILS, db_default=CONTACT_DETAILS, editable=False)
    # That foreign key. The entry says when the details last changed.
    latest_entry = models.ForeignObject(
        Entry,
        on_delete=models.DO_NOTHING,
        from_fields=["entry_kind", "id", "version"],
        to_fields=["kind", "subject_id", "sequence"],
        related_name="+",
        editable=False,
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="contact",
        verbose_name=_("login"),
    )
    # The contact that answers for it, which is not merged itself. `Merge` says into which one it was merged.
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="merged_contacts",
        editable=False,
        db_index=False,
        verbose_name=_("merged into"),
    )
    participants = models.ManyToManyField(
        Participant, through="ContactParticipant", related_name="contacts", verbose_name=_("participants")
    )
    members = models.ManyToManyField(
        Member, through="ContactAssignment", related_name="contacts", verbose_name=_("members")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    anonymized_at = models.DateTimeField(_("anonymized"), null=True, blank=True, editable=False)

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ["id"]
        permissions = [
            ("anonymize_contact", gettext_noop("Can anonymize contacts")),
            ("merge_contact", gettext_noop("Can merge contacts and undo that")),
            ("change_contact_details", gettext_noop("Can change the details, channels and picture of contacts")),
        ]
        constraints = [
            models.UniqueConstraint(Upper("username"), name=triggers.USERNAME_TAKEN),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="contact_version_is_positive"),
            models.CheckConstraint(
                condition=models.Q(anonymized_at__isnull=True) | models.Q(username__isnull=True),
                name="anonymized_contact_has_no_username",
            ),
            models.CheckConstraint(
                condition=models.Q(username__isnull=True) | ~models.Q(username=""), name="contact_username_is_not_empty"
            ),
            models.CheckConstraint(
                condition=models.Q(entry_kind=CONTACT_DETAILS), name="contact_entry_kind_is_contact_details"
            ),
        ]
        indexes = [
            # For the filters of GraphQL.
            GinIndex(OpClass(Folded("name"), name="gin_trgm_ops"), name="contact_by_part_folded_name"),
            GinIndex(OpClass(Folded("username"), name="gin_trgm_ops"), name="contact_by_part_folded_user"),
            models.Index(START_OF_NAME, name="contact_by_folded_name"),
            models.Index(LoginName("username"), name="contact_by_login_name"),
            models.Index(
                fields=["merged_into"], condition=models.Q(merged_into__isnull=False), name="contact_by_survivor"
            ),
        ]
        triggers = triggers.OF_CONTACTS

    def __str__(self) -> str:
        return self.name or str(self.uid)

    @property
    def entries(self) -> QuerySet[Entry]:
        """The history of the details, latest first."""
        return Entry.objects.of(CONTACT_DETAILS, self.pk)


class LoginOfContacts(User):  # type: ignore[django-manager-missing] # of a relation without one
    """A user, with the rule about the names of users and of contacts."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = login_names.OF_LOGINS


class ContactParticipant(models.Model):
    """Links a contact to a participant. The unique constraint's index starts with `contact`, which needs no other."""

    contact = models.ForeignKey(
        Contact,
        on_delete=models.CASCADE,
        related_name="contact_participants",
        verbose_name=_("contact"),
        db_index=False,
    )
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="contact_participants", verbose_name=_("participant")
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "participant"], name="contact_in_participant_once")]
        triggers = triggers.follow_survivor("contacts_contactparticipant", "participant")

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.participant_id}"


class ContactAssignment(models.Model):
    """Assigns a contact to a member."""

    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="assignments", verbose_name=_("contact"), db_index=False
    )
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="assignments", verbose_name=_("member"))

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints = [models.UniqueConstraint(fields=["contact", "member"], name="contact_assigned_once")]
        triggers = triggers.follow_survivor("contacts_contactassignment", "member")

    def __str__(self) -> str:
        return f"{self.contact_id} of {self.member_id}"


class ExternalConnection(models.Model):
    """A contact's id in another system; `Default` is the system of the import."""

    DEFAULT_SYSTEM = triggers.DEFAULT_SYSTEM

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="external_connections", db_index=False)
    system = models.CharField(_("system"), max_length=MAX_SYSTEM)
    external_id = models.CharField(_("external id"), max_length=MAX_EXTERNAL_ID)

    class Meta:
        verbose_name = _("external connection")
        verbose_name_plural = _("external connections")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["external_id"], name=triggers.EXTERNAL_ID_TAKEN),
            models.UniqueConstraint(fields=["contact", "system"], name="external_system_once_per_contact"),
        ]
        triggers = triggers.OF_CONNECTIONS

    def __str__(self) -> str:
        return f"{self.system}: {self.external_id}"
