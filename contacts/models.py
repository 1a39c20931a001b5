"""Contacts, who is assigned to them, what other systems call them, and the history of their details."""

from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Concat, NullIf, Trim, Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ClientApplication, Member, Participant
from contacts.querysets import ContactQuerySet
from schemas.models import ListItem

# The keys of the schema that details follow and of the list that types come from.
CONTACT_SCHEMA = "contact"
CONTACT_TYPES = "contact-type"


EMPTY = models.Value("", output_field=models.TextField())
SPACE = models.Value(" ", output_field=models.TextField())


def _text(path: str) -> models.Expression:
    return Coalesce(KT(f"details__personalInformation__{path}"), EMPTY)


# The name under which a contact appears everywhere: its displayName, else its first and last name, else its username.
NAME = Coalesce(
    NullIf(_text("displayName"), EMPTY),
    NullIf(Trim(Concat(_text("firstName"), SPACE, _text("lastName"))), EMPTY),
    models.F("username"),
    EMPTY,
    output_field=models.TextField(),
)


class Contact(models.Model):
    """A client or prospect. Its details follow the schema `contact` and change in one way alone (design section 5)."""

    uid = models.UUIDField(_("uid"), default=uuid4, unique=True, editable=False)
    type = models.ForeignKey(
        ListItem,
        on_delete=models.PROTECT,
        related_name="+",
        limit_choices_to={"list__key": CONTACT_TYPES},
        verbose_name=_("type"),
    )
    username = models.CharField(_("username"), max_length=254, null=True, blank=True)
    details = models.JSONField(_("details"), default=dict)
    name = models.GeneratedField(
        expression=NAME, output_field=models.TextField(_("name")), db_persist=True, verbose_name=_("name")
    )
    version = models.PositiveIntegerField(_("version"), default=1)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="contact",
        verbose_name=_("login"),
    )
    participants = models.ManyToManyField(
        Participant, through="ContactParticipant", related_name="contacts", verbose_name=_("participants")
    )
    members = models.ManyToManyField(
        Member, through="ContactAssignment", related_name="contacts", verbose_name=_("members")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(Upper("username"), name="contact_username_unique_ignoring_case"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="contact_version_is_positive"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.uid)


class ContactParticipant(models.Model):
    """A contact belongs to a participant."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="contact_participants")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="contact_participants")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "participant"], name="contact_in_participant_once")]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.participant_id}"


class ContactAssignment(models.Model):
    """A contact is looked after by a member."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="assignments")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="assignments")

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints = [models.UniqueConstraint(fields=["contact", "member"], name="contact_assigned_once")]

    def __str__(self) -> str:
        return f"{self.contact_id} of {self.member_id}"


class ExternalConnection(models.Model):
    """The key of a contact in another system; `Default` is the system of the import."""

    DEFAULT_SYSTEM = "Default"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="external_connections")
    system = models.CharField(_("system"), max_length=100)
    external_id = models.CharField(_("external id"), max_length=200)

    class Meta:
        verbose_name = _("external connection")
        verbose_name_plural = _("external connections")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["external_id"], name="external_id_unique"),
            models.UniqueConstraint(fields=["contact", "system"], name="external_system_once_per_contact"),
        ]

    def __str__(self) -> str:
        return f"{self.system}: {self.external_id}"


class ChangeSet(models.Model):
    """The changes that one submission made, once they were made: the history. Rows are only ever added.

    `changes` is a list of `{"path", "original", "target"}`, null where there was or is no value. `paths` holds those
    paths and everything above them, so that a search for a path finds what is below it.
    """

    id = models.BigAutoField(primary_key=True)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="change_sets")
    version = models.PositiveIntegerField(_("version"))
    executed_at = models.DateTimeField(_("executed"), default=timezone.now)
    initiator_member = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("member")
    )
    initiator_contact = models.ForeignKey(
        Contact, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("contact")
    )
    initiator_application = models.ForeignKey(
        ClientApplication,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("client application"),
    )
    initiator_system = models.CharField(_("system"), max_length=50, blank=True)
    comment = models.TextField(_("comment"), null=True, blank=True)
    changes = models.JSONField(_("changes"))
    paths = ArrayField(models.TextField())

    class Meta:
        verbose_name = _("change set")
        verbose_name_plural = _("change sets")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["contact", "version"], name="change_set_version_once_per_contact"),
            models.CheckConstraint(
                condition=models.Q(initiator_member__isnull=True) | models.Q(initiator_contact__isnull=True),
                name="change_set_has_one_initiating_person",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def initiator_person(self) -> Member | Contact | None:
        """The member or the contact who made the changes; None for applications and the system."""
        return self.initiator_member or self.initiator_contact


class ChannelKind(models.TextChoices):
    EMAIL = "Email", _("Email")
    MOBILE = "Mobile", _("Mobile")


class Channel(models.Model):
    """A new email address or mobile number that waits until its owner has shown that it is theirs."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="channels")
    kind = models.CharField(_("channel"), max_length=10, choices=ChannelKind)
    path = models.TextField(_("path"))
    pending_value = models.TextField(_("pending value"))
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)

    class Meta:
        verbose_name = _("pending channel")
        verbose_name_plural = _("pending channels")
        constraints = [models.UniqueConstraint(fields=["contact", "kind"], name="channel_once_per_contact")]

    def __str__(self) -> str:
        return f"{self.kind} {self.contact_id}"
