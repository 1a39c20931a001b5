"""Contacts that wait for approval: who would see them, and the usernames and external ids reserved for them."""

from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from accounts.models import Member, Participant
from changerequests.models import RequestSubject
from changerequests.models.creations import WaitingCreation
from contacts.models import triggers
from contacts.querysets import ContactQuerySet


class WaitingContact(WaitingCreation):
    """A contact that somebody has asked to create. Those who would see it see the request.

    Once the contact exists, its own participants and members say who sees it, and the name is the contact's.
    """

    username = models.CharField(_("username"), max_length=254, null=True, blank=True)
    participants = models.ManyToManyField(
        Participant, through="WaitingParticipant", related_name="+", verbose_name=_("participants")
    )
    members = models.ManyToManyField(Member, through="WaitingAssignment", related_name="+", verbose_name=_("members"))

    # Visibility asks for links with these names.
    objects = ContactQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["id"]
        constraints = [models.UniqueConstraint(Upper("username"), name=triggers.USERNAME_RESERVED)]
        triggers = triggers.OF_WAITING_CONTACTS


class WaitingParticipant(models.Model):
    """Links a contact that waits to one of the participants that it would have."""

    contact = models.ForeignKey(WaitingContact, on_delete=models.CASCADE, related_name="+", db_index=False)
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["contact", "participant"], name="waiting_contact_in_participant_once")
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.participant_id}"


class WaitingAssignment(models.Model):
    """Links a contact that waits to one of the members whom it would be assigned to."""

    contact = models.ForeignKey(WaitingContact, on_delete=models.CASCADE, related_name="+", db_index=False)
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["contact", "member"], name="waiting_contact_assigned_once")]

    def __str__(self) -> str:
        return f"{self.contact_id} of {self.member_id}"


class ReservedExternalId(models.Model):
    """An external id that a contact that waits would have, in whatever system."""

    contact = models.ForeignKey(WaitingContact, on_delete=models.CASCADE, related_name="external_ids")
    external_id = models.CharField(_("external id"), max_length=200)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["external_id"], name=triggers.EXTERNAL_ID_RESERVED)]
        triggers = triggers.OF_RESERVED_EXTERNAL_IDS

    def __str__(self) -> str:
        return self.external_id


class SubjectOfContactRequest(RequestSubject):
    """The subject of a request, with the rule about those that wait to be created."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = triggers.OF_SUBJECTS
