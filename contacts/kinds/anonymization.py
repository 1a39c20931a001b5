"""The kind of change request for the anonymization of contacts."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from changerequests.models import ChangeRequest
from changerequests.policies import Facts, Initiator, KindPolicy, profiles
from contacts.kinds.contacts import ContactDocumentKind, ContactPresenter
from contacts.models import ANONYMIZATION, Contact
from contacts.services.anonymization import IS_ANONYMIZED, write_anonymization
from contacts.snapshots import changeable_contact
from core.documents import Change

LABELS = {IS_ANONYMIZED: _("Anonymized for good")}


class AnonymizationKind(ContactDocumentKind):
    """The anonymization of contacts. Approving it erases the values of every request about them, of this one too."""

    key = ANONYMIZATION
    label = _("Anonymization")
    profiles = profiles(waits=True)
    document = JSONObject(**{IS_ANONYMIZED: ExpressionWrapper(Q(anonymized_at__isnull=False), BooleanField())})

    def lock(self, *, actor: Actor, subject_id: int) -> Contact:
        return changeable_contact(actor=actor, contact_id=subject_id)

    def apply(self, *, actor: Actor, subject: Contact, changes: Sequence[Change], request: ChangeRequest) -> None:
        write_anonymization(actor=actor, contacts=[subject], request=request)

    def document_of(self, subject: Contact) -> Mapping[str, Any]:
        return {IS_ANONYMIZED: subject.anonymized_at is not None}

    def amended(self, *, actor: Actor, subject: Contact, document: Mapping[str, Any]) -> Sequence[Change]:
        """Return nothing: there is nothing else to ask for."""
        return []

    def facts(self, subject: Contact, policy: KindPolicy, initiator: Initiator) -> Facts:
        if not policy.needs_subject_facts:
            return Facts(initiator=initiator)
        participants = frozenset(participant.pk for participant in subject.participants.all())
        return Facts(subject.type.key, participants, initiator)

    def presenter(self) -> ContactPresenter:
        return ContactPresenter(ANONYMIZATION, LABELS)
