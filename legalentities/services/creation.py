"""Creation of legal entities, at once or once somebody else has approved it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor, system_actor
from audit import entries
from changerequests.models import ChangeRequest
from changerequests.services.creations import AskedFor, next_id
from changerequests.services.opening import open_request
from changerequests.services.submitting import approved_by, requirement_of
from contactgroups.models import EntityType
from contactgroups.services import Membership, checked_memberships, create_group_of_entity
from contacts.plans import ChangePlan, Origin, plan, replaced
from contacts.services.changes import commit
from contacts.snapshots import schema_and_policy
from core.documents import Change, Document, changes_between, with_values
from core.errors import UnprocessableEntity, map_integrity_error, map_lock_errors
from core.text import checked_line
from legalentities.models import (
    EXTERNAL_ID_RESERVED,
    EXTERNAL_ID_UNIQUE,
    LEGAL_ENTITY_CREATION,
    LEGAL_ENTITY_SCHEMA,
    MAX_EXTERNAL_ID,
    LegalEntity,
    WaitingLegalEntity,
    WaitingMembership,
    name_of,
)
from legalentities.queries import new_legal_entity_snapshot
from legalentities.services.details import LEGAL_ENTITIES
from schemas.compiled import CompiledSchema
from schemas.queries import current_schema

EXTERNAL_ID, CONTACTS, DETAILS = "externalId", "contacts", "details"


@dataclass(frozen=True, slots=True)
class NewLegalEntity:
    """A legal entity that can be created: unsaved, with the plan of its details and the members of its group."""

    legal_entity: LegalEntity
    plan: ChangePlan
    memberships: Sequence[Membership]

    @property
    def document(self) -> Document:
        return new_document(
            external_id=self.legal_entity.external_id, memberships=self.memberships, details=self.plan.document
        )


def new_document(*, external_id: str | None, memberships: Sequence[Membership], details: Document) -> Document:
    """Return what a request to create a legal entity asks for, without what is empty."""
    contacts = [{"contactId": one.contact_id, "accessPolicyId": one.access_policy_id} for one in memberships]
    document = {EXTERNAL_ID: external_id, CONTACTS: contacts, DETAILS: details}
    return {name: value for name, value in document.items() if value}


def memberships_in(document: Mapping[str, Any]) -> list[Membership]:
    return [Membership(one["contactId"], one["accessPolicyId"]) for one in document.get(CONTACTS, ())]


@transaction.atomic
def create_legal_entity(
    *,
    actor: Actor,
    details: dict[str, Any],
    memberships: Sequence[Membership] = (),
    external_id: str | None = None,
) -> LegalEntity | ChangeRequest:
    """Create a legal entity and its group; return it, or the request if this waits. Locks the contacts.

    A contact that creates one becomes a member of the group. If it waits, its id and external id are reserved. Raise
    UnprocessableEntity: FieldNotUpdatable, ValidationFailed, ExternalIdNotUnique, and those of `create_group` about
    memberships, such as ContactsRequired if an actor that does not see all contacts names none.
    """
    schema, policy = schema_and_policy(schema_key=LEGAL_ENTITY_SCHEMA, kind=LEGAL_ENTITY_CREATION)
    new = _planned(
        LegalEntity(
            pk=next_id(LegalEntity),
            external_id=checked_line(external_id or "", path=EXTERNAL_ID, most=MAX_EXTERNAL_ID) or None,
        ),
        actor=actor,
        schema=schema,
        origin=Origin.CREATION,
        details=details,
        memberships=memberships,
    )
    changes = changes_between({}, new.document)
    requirement = requirement_of(kind=LEGAL_ENTITY_CREATION, subject=new, changes=changes, actor=actor, policy=policy)
    if not requirement:
        _write(new, actor=actor)
        return new.legal_entity
    asked = checked_memberships(actor=actor, memberships=memberships)
    waiting = WaitingLegalEntity(pk=new.legal_entity.pk, uid=new.legal_entity.uid)
    _reserve(waiting, NewLegalEntity(new.legal_entity, new.plan, asked))
    return open_request(
        kind=LEGAL_ENTITY_CREATION,
        changes={new.legal_entity.pk: changes},
        actor=actor,
        requirement=requirement,
        comment=None,
    )


def write_creation(*, actor: Actor, asked: AskedFor, changes: Sequence[Change], request: ChangeRequest) -> None:
    """Create the legal entity of an approved request, by today's schema. Its row of what waits must be locked.

    Raise UnprocessableEntity like `create_legal_entity`.
    """
    waiting: WaitingLegalEntity = asked.waiting
    document = with_values({}, {change.path: change.target for change in changes})
    new = _planned_again(waiting, document, actor=actor, origin=Origin.APPROVED_CREATION)
    # Its initiator saw the contacts when it named them; who approves need not see all of them.
    _write(new, actor=system_actor("approved requests"), approved=request)
    entries.record(
        kind=LEGAL_ENTITY_CREATION,
        subject_id=waiting.pk,
        sequence=1,
        actor=actor,
        changes=changes,
        **approved_by(request),
    )
    WaitingMembership.objects.filter(legal_entity=waiting).delete()
    waiting.name = ""
    waiting.save(update_fields=["name"])


def amend_creation(*, actor: Actor, asked: AskedFor, document: Mapping[str, Any]) -> list[Change]:
    """Reserve what a request asks for instead, in the form of `POST /v1.1/legalentities`; return its changes.

    Raise UnprocessableEntity like `create_legal_entity`.
    """
    wanted = {**asked.document, **{name: document[name] for name in (CONTACTS, DETAILS) if name in document}}
    new = _planned_again(asked.waiting, wanted, actor=actor, origin=Origin.CREATION)
    _reserve(
        asked.waiting,
        NewLegalEntity(new.legal_entity, new.plan, checked_memberships(actor=actor, memberships=new.memberships)),
    )
    asked.document = new.document
    return changes_between({}, asked.document)


def _planned_again(waiting: WaitingLegalEntity, document: Document, *, actor: Actor, origin: Origin) -> NewLegalEntity:
    return _planned(
        LegalEntity(pk=waiting.pk, uid=waiting.uid, external_id=document.get(EXTERNAL_ID)),
        actor=actor,
        schema=current_schema(LEGAL_ENTITY_SCHEMA),
        origin=origin,
        details=document.get(DETAILS, {}),
        memberships=memberships_in(document),
    )


def _planned(
    legal_entity: LegalEntity,
    *,
    actor: Actor,
    schema: CompiledSchema,
    origin: Origin,
    details: Document,
    memberships: Sequence[Membership],
) -> NewLegalEntity:
    found = plan(new_legal_entity_snapshot(legal_entity, schema), replaced(details), actor, origin)
    if found.refusal:
        raise found.refusal
    return NewLegalEntity(legal_entity, found, memberships)


def _write(new: NewLegalEntity, *, actor: Actor, approved: ChangeRequest | None = None) -> None:
    """Insert the legal entity and its group."""
    legal_entity = new.legal_entity
    # Before the legal entity: who reserves an external id has locked the contacts, and waits for who writes one.
    legal_entity.group_id = create_group_of_entity(
        actor=actor,
        memberships=new.memberships,
        include_contact_id=actor.contact_id,
        entity=(EntityType.LEGAL_ENTITY, legal_entity.pk),
        initiator=None if approved is None else approved.initiator_columns,
    )
    with _unique_external_id():
        commit(new.plan, repository=LEGAL_ENTITIES, approved=approved)


def _reserve(waiting: WaitingLegalEntity, new: NewLegalEntity) -> None:
    """Write who would see the legal entity, and what nobody else may take from now on."""
    waiting.name = name_of(new.plan.document)
    waiting.external_id = new.legal_entity.external_id
    # Waits for others that write legal entities.
    with map_lock_errors(), _unique_external_id():
        waiting.save(force_insert=waiting._state.adding)
    WaitingMembership.objects.filter(legal_entity=waiting).delete()
    WaitingMembership.objects.bulk_create(
        WaitingMembership(legal_entity=waiting, contact_id=membership.contact_id) for membership in new.memberships
    )


@contextmanager
def _unique_external_id() -> Iterator[None]:
    with (
        map_integrity_error(EXTERNAL_ID_UNIQUE, external_id_not_unique()),
        map_integrity_error(EXTERNAL_ID_RESERVED, external_id_not_unique(is_reserved=True)),
    ):
        yield


def external_id_not_unique(*, is_reserved: bool = False) -> UnprocessableEntity:
    text = (
        _("A new legal entity pending approval has this external id.")
        if is_reserved
        else _("A legal entity has this external id already.")
    )
    return UnprocessableEntity(text, sub_code="ExternalIdNotUnique")
