"""The kind of change request for the anonymization of contacts."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor, system_actor
from changerequests.models import ChangeRequest
from changerequests.policies import Facts, Initiator, KindPolicy, profiles
from contacts.kinds.contacts import ContactDocumentKind, ContactPresenter
from contacts.models import ANONYMIZATION, Contact
from contacts.queries.contacts import no_such_contact
from contacts.services.anonymization import IS_ANONYMIZED, locked_with_merged, write_anonymization
from contacts.snapshots import checked_changeable
from core.documents import Change

LABELS = {IS_ANONYMIZED: _("Anonymized for good")}


class AnonymizationKind(ContactDocumentKind):
    """The anonymization of contacts. Approving it erases the values of every request about them, of this one too."""

    key = ANONYMIZATION
    label = _("Anonymization")
    profiles = profiles(waits=True)
    document = JSONObject(**{IS_ANONYMIZED: ExpressionWrapper(Q(anonymized_at__isnull=False), BooleanField())})

    def lock_before(self, subject_ids: Collection[int]) -> None:
        """Lock what was merged into the contacts too, all in the order of their ids."""
        locked_with_merged(actor=system_actor("anonymization"), contact_ids=subject_ids)

    def lock(self, *, actor: Actor, subject_id: int) -> Contact:
        found = {contact.pk: contact for contact in locked_with_merged(actor=actor, contact_ids=[subject_id])}
        if subject_id not in found:
            raise no_such_contact()
        return checked_changeable(found[subject_id])

    def apply(self, *, actor: Actor, subject: Contact, changes: Sequence[Change], request: ChangeRequest) -> None:
        contacts = locked_with_merged(actor=system_actor("anonymization"), contact_ids=[subject.pk])
        write_anonymization(
            actor=actor, contacts=[one for one in contacts if one.anonymized_at is None], request=request
        )

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
