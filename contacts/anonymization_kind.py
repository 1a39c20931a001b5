"""The kind of change request for the anonymization of contacts."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from changerequests.document_kinds import DocumentKind
from changerequests.kinds import SubjectView, listed_columns
from changerequests.models import ChangeRequest
from changerequests.policies import Facts, Initiator, KindPolicy, profiles
from contacts.access_kind import ContactPresenter
from contacts.kinds import AboutContacts
from contacts.models import ANONYMIZATION, Contact
from contacts.services.anonymization import IS_ANONYMIZED, write_anonymization
from contacts.snapshots import changeable_contact
from core.documents import Change

LABELS = {IS_ANONYMIZED: _("Anonymized for good")}


class AnonymizationKind(AboutContacts, DocumentKind):
    """The anonymization of contacts. Approving it erases the values of every request about them, of this one too."""

    key = ANONYMIZATION
    label = _("Anonymization")
    profiles = profiles(waits=True)

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        contacts = Contact.objects.filter(pk__in=ids).select_related("type").defer("details")
        return {row.pk: SubjectView(row.pk, row.uid, str(row), self.document_of(row), row) for row in contacts}

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any]:
        is_anonymized = ExpressionWrapper(Q(anonymized_at__isnull=False), BooleanField())
        contacts = Contact.objects.filter(pk__in=ids).annotate(document=JSONObject(**{IS_ANONYMIZED: is_anonymized}))
        return listed_columns(contacts, kind=self.key, document="document" if with_documents else None)

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
