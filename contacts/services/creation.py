"""Creation of contacts, at once or once somebody else has approved it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.actor import Actor
from accounts.models import Member
from audit import entries
from changerequests.models import ChangeRequest
from changerequests.services.creations import AskedFor, next_id
from changerequests.services.opening import open_request
from changerequests.services.submitting import approved_by, requirement_of
from contacts.models import (
    CONTACT_CREATION,
    CONTACT_IDENTITY,
    CONTACT_SCHEMA,
    ChannelKind,
    Contact,
    ContactAssignment,
    ContactParticipant,
    ReservedExternalId,
    WaitingAssignment,
    WaitingContact,
    WaitingParticipant,
    name_of,
)
from contacts.plans import ChangePlan, Origin, plan, replaced
from contacts.queries.systems import held_systems
from contacts.services.access import MEMBERS, PARTICIPANTS, check_exist
from contacts.services.changes import commit
from contacts.services.external_ids import (
    another_external_id,
    check_external_ids_free,
    connect,
    connection_in_form,
    unique_external_ids,
)
from contacts.services.identity import CONNECTIONS, TYPE, USERNAME, Connections, contact_type
from contacts.services.usernames import new_username, unique_username
from contacts.snapshots import new_contact_snapshot, schema_and_policy
from core.documents import Change, Document, changes_between, value_at, with_values
from core.errors import map_lock_errors
from schemas.compiled import CompiledSchema
from schemas.queries import current_schema

DETAILS = "details"


@dataclass(frozen=True, slots=True)
class NewContact:
    """A contact that can be created: unsaved, with its username, and the plan of its details."""

    contact: Contact
    plan: ChangePlan
    connections: Connections
    participants: Collection[int]
    members: Collection[int]

    @property
    def document(self) -> Document:
        return new_document(
            type_id=self.contact.type_id,
            username=self.contact.username,
            connections=self.connections,
            participants=self.participants,
            members=self.members,
            details=self.plan.document,
        )


def new_document(
    *,
    type_id: int | None,
    username: str | None,
    connections: Connections,
    participants: Collection[int],
    members: Collection[int],
    details: Document,
) -> Document:
    """Return what a request to create a contact asks for, without what is empty."""
    document = {
        TYPE: type_id,
        USERNAME: username,
        CONNECTIONS: list(connections),
        PARTICIPANTS: sorted(participants),
        MEMBERS: sorted(members),
        DETAILS: details,
    }
    return {name: value for name, value in document.items() if value}


@transaction.atomic
def create_contact(
    *, actor: Actor, type_id: int, username: str | None, details: dict[str, Any], connections: Connections = ()
) -> Contact | ChangeRequest:
    """Create a contact; return it, or the request if this waits. Its addresses need no verification.

    It gets its creator's participants, and a member who creates it is assigned to it. If it waits, its id, username and
    external ids are reserved. Raises UnprocessableEntity: FieldNotUpdatable, ValidationFailed, UsernameRequired,
    UsernameNotUnique, UsernameCoupledWithEmail, ExternalIdNotUnique, ExternalConnectionExists.
    """
    schema, policy = schema_and_policy(schema_key=CONTACT_SCHEMA, kind=CONTACT_CREATION)
    participants, members = _inherited_from(actor)
    new = _planned(
        Contact(type=contact_type(type_id)),
        actor=actor,
        schema=schema,
        origin=Origin.CREATION,
        username=username,
        details=details,
        connections=connections,
        participants=participants,
        members=members,
    )
    changes = changes_between({}, new.document)
    requirement = requirement_of(kind=CONTACT_CREATION, subject=new, changes=changes, actor=actor, policy=policy)
    if requirement:
        new.contact.pk = next_id(Contact)
        _reserve(WaitingContact(pk=new.contact.pk, uid=new.contact.uid), new)
        return open_request(
            kind=CONTACT_CREATION,
            changes={new.contact.pk: changes},
            actor=actor,
            requirement=requirement,
            comment=None,
        )
    _write(new)
    if new.connections:
        entries.append(
            kind=CONTACT_IDENTITY,
            subject_id=new.contact.pk,
            actor=actor,
            changes=[Change(CONNECTIONS, [], list(new.connections))],
        )
    return new.contact


def write_creation(*, actor: Actor, asked: AskedFor, changes: Sequence[Change], request: ChangeRequest) -> None:
    """Create the contact of an approved request, by today's schema. Its row of what waits must be locked.

    Raises UnprocessableEntity like `create_contact`.
    """
    waiting: WaitingContact = asked.waiting
    document = with_values({}, {change.path: change.target for change in changes})
    check_exist([Change(path, None, document[path]) for path in (PARTICIPANTS, MEMBERS) if path in document])
    contact = Contact(pk=waiting.pk, uid=waiting.uid, type=contact_type(document.get(TYPE)))
    new = _planned_again(contact, document, actor=actor, origin=Origin.APPROVED_CREATION)
    _write(new, approved=request)
    entries.record(
        kind=CONTACT_CREATION,
        subject_id=contact.pk,
        sequence=1,
        actor=actor,
        changes=changes,
        **approved_by(request),
    )
    _replace_links(waiting, participants=(), members=())
    waiting.name = ""
    waiting.save(update_fields=["name"])


def amend_creation(*, actor: Actor, asked: AskedFor, document: Mapping[str, Any]) -> list[Change]:
    """Reserve what a request asks for instead, in the form of `POST /v1.0/contacts`; return its changes.

    Raises UnprocessableEntity like `create_contact`.
    """
    wanted: Document = dict(asked.document)
    names = {"contactTypeId": TYPE, "username": USERNAME, "details": DETAILS, "externalConnections": CONNECTIONS}
    wanted |= {names[name]: value for name, value in document.items() if name in names}
    waiting: WaitingContact = asked.waiting
    contact = Contact(pk=waiting.pk, uid=waiting.uid, type=contact_type(wanted.get(TYPE)))
    new = _planned_again(contact, wanted, actor=actor, origin=Origin.CREATION)
    _reserve(waiting, new)
    asked.document = new.document
    return changes_between({}, asked.document)


def _planned_again(contact: Contact, document: Document, *, actor: Actor, origin: Origin) -> NewContact:
    return _planned(
        contact,
        actor=actor,
        schema=current_schema(CONTACT_SCHEMA),
        origin=origin,
        username=document.get(USERNAME),
        details=document.get(DETAILS, {}),
        connections=document.get(CONNECTIONS, ()),
        participants=document.get(PARTICIPANTS, ()),
        members=document.get(MEMBERS, ()),
    )


def _planned(
    contact: Contact,
    *,
    actor: Actor,
    schema: CompiledSchema,
    origin: Origin,
    username: str | None,
    details: Document,
    connections: Connections,
    participants: Collection[int],
    members: Collection[int],
) -> NewContact:
    found = plan(new_contact_snapshot(contact, schema), replaced(details), actor, origin)
    if found.refusal:
        raise found.refusal
    path = schema.channel_paths[ChannelKind.EMAIL]
    email = value_at(found.document, path) if path else None
    contact.username = new_username(contact, requested=username, email=email, email_path=path)
    if connections:
        connections = _checked_connections(contact, connections)
    return NewContact(contact, found, connections, participants, members)


def _checked_connections(contact: Contact, connections: Connections) -> Connections:
    """Return external ids in their one form, if a contact may have them."""
    systems = held_systems()
    connections = [connection_in_form(connection, systems) for connection in connections]
    if len({connection["system"] for connection in connections}) < len(connections):
        raise another_external_id()
    check_external_ids_free([connection["externalId"] for connection in connections], but_by=contact)
    return connections


def _inherited_from(actor: Actor) -> tuple[Sequence[int], Sequence[int]]:
    """Return the participants of an actor, and the member if it is one: what its contacts get."""
    if actor.member_id is None:
        return actor.participant_ids, ()
    memberships = Member.participants.through.objects.filter(member_id=actor.member_id)
    return list(memberships.values_list("participant_id", flat=True)), (actor.member_id,)


def _write(new: NewContact, *, approved: ChangeRequest | None = None) -> None:
    """Insert the contact with all that belongs to it."""
    contact = new.contact
    with unique_username():
        commit(new.plan, approved=approved)
    ContactAssignment.objects.bulk_create(ContactAssignment(contact=contact, member_id=pk) for pk in new.members)
    ContactParticipant.objects.bulk_create(
        ContactParticipant(contact=contact, participant_id=pk) for pk in new.participants
    )
    connect(contact, new.connections)


def _reserve(waiting: WaitingContact, new: NewContact) -> None:
    """Write who would see the contact, and what nobody else may take from now on."""
    contact = new.contact
    waiting.name = name_of(details=new.plan.document, username=contact.username)
    waiting.username = contact.username
    # Waits for others that write contacts.
    with map_lock_errors(), unique_username():
        waiting.save(force_insert=waiting._state.adding)
    _replace_links(waiting, participants=new.participants, members=new.members)
    ReservedExternalId.objects.filter(contact=waiting).delete()
    with unique_external_ids():
        ReservedExternalId.objects.bulk_create(
            ReservedExternalId(contact=waiting, external_id=connection["externalId"]) for connection in new.connections
        )


def _replace_links(waiting: WaitingContact, *, participants: Collection[int], members: Collection[int]) -> None:
    links: Any
    for links, column, ids in (
        (WaitingParticipant, "participant_id", participants),
        (WaitingAssignment, "member_id", members),
    ):
        links.objects.filter(contact=waiting).delete()
        links.objects.bulk_create(links(**{"contact": waiting, column: pk}) for pk in ids)
