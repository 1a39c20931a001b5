"""The kind of change request for new legal entities."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from changerequests.document_kinds import DocumentPresenter
from changerequests.models import ChangeRequest
from changerequests.policies import Facts, Initiator
from changerequests.presentation import ReviewedChange
from changerequests.queries.sight import sights_of
from changerequests.services.creations import AskedFor
from contactgroups.models import ACCESS_POLICIES
from contacts.kinds.creation import CreationKind, CreationPresenter
from contacts.models import Contact, ContactParticipant
from contacts.queries.names import SeenNames
from core.documents import Change
from core.errors import NotFound, UnprocessableEntity
from core.search import SearchTerm
from legalentities.models import (
    LEGAL_ENTITY_CREATION,
    LEGAL_ENTITY_SCHEMA,
    LegalEntity,
    WaitingLegalEntity,
    WaitingMembership,
)
from legalentities.queries import no_such_legal_entity, search_legal_entities
from legalentities.services.creation import (
    CONTACTS,
    EXTERNAL_ID,
    amend_creation,
    memberships_in,
    write_creation,
)
from schemas.queries import list_data

CONTACT, POLICY = "contactId", "accessPolicyId"
LABELS = {EXTERNAL_ID: _("External id"), CONTACTS: _("Contacts"), CONTACT: _("Contact"), POLICY: _("Access policy")}


class LegalEntityCreationKind(CreationKind):
    """A new legal entity: its details and external id, and the contacts of its group."""

    key = LEGAL_ENTITY_CREATION
    label = _("New legal entity")
    subject_label = _("legal entity")
    schema_key = LEGAL_ENTITY_SCHEMA
    waiting = WaitingLegalEntity
    created = LegalEntity

    def seen_by(self, actor: Actor, *, column: str) -> Q | None:
        seen = LegalEntity.objects.visible_to(actor)
        if not seen.query.where:
            return None
        would_be_seen = Contact.objects.narrowed_to_visible(WaitingMembership.objects.all(), actor)
        return Q(**{f"{column}__in": seen.order_by().values("pk")}) | Q(
            **{f"{column}__in": would_be_seen.order_by().values("legal_entity")}
        )

    def no_such_subject(self) -> NotFound:
        return no_such_legal_entity()

    def facts(self, documents: Sequence[Mapping[str, Any]], initiator: Initiator) -> list[Facts]:
        contacts = [{one.contact_id for one in memberships_in(document)} for document in documents]
        links = ContactParticipant.objects.filter(contact__in=set().union(*contacts))
        pairs = list(links.values_list("contact_id", "participant_id"))
        return [
            Facts(
                participant_ids=frozenset(participant for contact, participant in pairs if contact in own),
                initiator=initiator,
            )
            for own in contacts
        ]

    def search(self, term: str) -> QuerySet[Any, Any]:
        typed = SearchTerm.typed(term)
        waits = Q(external_id=typed.text) | typed.is_key() | typed.parts_of("name")
        created = search_legal_entities(LegalEntity.objects.all(), term).order_by().values("pk")
        return WaitingLegalEntity.objects.filter(waits | Q(pk__in=created)).order_by().values("pk")

    def apply(self, *, actor: Actor, subject: AskedFor, changes: Sequence[Change], request: ChangeRequest) -> None:
        write_creation(actor=actor, asked=subject, changes=changes, request=request)

    def amended(self, *, actor: Actor, subject: AskedFor, document: Mapping[str, Any]) -> Sequence[Change]:
        return amend_creation(actor=actor, asked=subject, document=document)

    def check_kept(self, paths: Collection[str], kept: Collection[str]) -> None:
        """Refuse to leave out the contacts: the group would be empty, and nobody but who sees all would see it."""
        if CONTACTS in paths and CONTACTS not in kept:
            raise UnprocessableEntity(
                gettext("A new legal entity comes with its contacts. Approve them too, or return the request."),
                sub_code="ContactsRequired",
            )

    def presenter(self) -> CreationPresenter:
        return _presenter(())

    def presenter_for(self, actor: Actor) -> CreationPresenter:
        return _presenter(sights_of(actor))


def _presenter(sights: Iterable[Actor]) -> CreationPresenter:
    return CreationPresenter(LEGAL_ENTITY_SCHEMA, NewLegalEntityPresenter(sights), "legalentities", "legalentity")


class NewLegalEntityPresenter(DocumentPresenter):
    """Presents contacts, with the names of those that one of some actors sees, and what each may do."""

    def __init__(self, sights: Iterable[Actor]) -> None:
        super().__init__(LEGAL_ENTITY_CREATION, LABELS)
        self._names = SeenNames(sights)

    def named_contacts(self) -> Collection[int]:
        return self._names.ids

    def prepare(self, changes: Iterable[Mapping[str, Any]]) -> None:
        proposed = [memberships_in({change["path"]: change["target"]}) for change in changes]
        self._names.load(one.contact_id for memberships in proposed for one in memberships)

    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        self.prepare(changes)
        return super().reviewed_changes(changes, document=document, is_open=is_open)

    def text(self, value: Any, *, name: str) -> str:
        if name == CONTACT:
            return self._names[value]
        return self._policies.get(value, f"#{value}") if name == POLICY else super().text(value, name=name)

    @cached_property
    def _policies(self) -> Mapping[int, str]:
        return {item.id: item.name() for item in list_data(ACCESS_POLICIES).items}
