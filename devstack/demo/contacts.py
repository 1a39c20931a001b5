"""Writes the fictional clients in bulk, each with the first entry of its history.

A contact's uid is derived from its number and never changes, so every run recognizes existing contacts, even after the
user has edited them.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.conf import settings

from accounts.actor import system_actor
from audit.models import Entry
from contacts.models import (
    CONTACT_DETAILS,
    CONTACT_SCHEMA,
    CONTACT_TYPES,
    Contact,
    ContactAssignment,
    ContactParticipant,
    ExternalConnection,
    ExternalSystem,
)
from core.documents import canonical, changes_between, recorded
from devstack.demo.accounts import caretakers, offices
from devstack.demo.clients import Client, made_up_client
from devstack.demo.people import Staff
from devstack.demo.stories import STORIES
from schemas.compiled import CompiledSchema
from schemas.models import ListItem
from schemas.queries import current_schema

ACTOR = system_actor("load_demo")
_FIRST_UID = UUID("5f0c2b0e-6d0f-4c2e-9d0a-000000000000")


class DemoDoesNotFitError(Exception):
    """The institution's schema rejects a fictional client; the message says where and why."""


def contact_uid(number: int) -> UUID:
    """Return the uid of the client with this number; uids sort like the numbers."""
    return UUID(int=_FIRST_UID.int + number)


def missing_numbers(numbers: range) -> list[int]:
    """Return the numbers in this range whose clients do not exist yet."""
    present = Contact.objects.filter(uid__range=(contact_uid(numbers[0]), contact_uid(numbers[-1])))
    if present.count() == len(numbers):
        return []
    uids = set(present.values_list("uid", flat=True))
    return [number for number in numbers if contact_uid(number) not in uids]


def made_up(number: int) -> Client:
    """Return the client with this number, in the initial state of its story if it has one."""
    among = offices(number)
    story = STORIES.get(number)
    return made_up_client(number, office=among[number // 20 % len(among)], known=story.known if story else {})


def add_contacts(*, staff: Staff, numbers: Sequence[int]) -> dict[int, Contact]:
    """Write the clients with these numbers and return their contacts by number. Raise DemoDoesNotFitError.

    The service creates one contact at a time, which is too slow for a hundred thousand. This makes the same checks and
    writes the same rows in bulk. Call it within a transaction.
    """
    schema = current_schema(CONTACT_SCHEMA)
    types = {item.key: item for item in ListItem.objects.filter(list__key=CONTACT_TYPES)}
    clients = [made_up(number) for number in numbers]
    contacts = Contact.objects.bulk_create([_contact(client, schema, types) for client in clients])
    written = dict(zip(numbers, contacts, strict=True))
    Entry.objects.bulk_create([_first_entry(contact) for contact in contacts])
    _assign(staff, written)
    systems = {system for client in clients for system in client.connections}
    ExternalSystem.objects.bulk_create(map(_system, sorted(systems)), ignore_conflicts=True)
    ExternalConnection.objects.bulk_create(
        [
            ExternalConnection(contact=written[client.number], system=system, external_id=external_id)
            for client in clients
            for system, external_id in client.connections.items()
        ]
    )
    return written


def _system(name: str) -> ExternalSystem:
    return ExternalSystem(name=name)


def _contact(client: Client, schema: CompiledSchema, types: Mapping[str, ListItem]) -> Contact:
    details = canonical(client.details, objects=schema.object_paths)
    faults = schema.validate(details)
    if faults:
        where = "; ".join(f"{path}: {' '.join(messages)}" for path, messages in faults.items())
        raise DemoDoesNotFitError(f"The schema has changed, and the fictional clients no longer follow it. {where}")
    return Contact(
        uid=contact_uid(client.number),
        type=types[client.type],
        username=details["contactInformation"]["email"] if settings.USERNAME_FROM_EMAIL else client.username,
        details=details,
        created_at=client.created_at,
    )


def _first_entry(contact: Contact) -> Entry:
    return Entry(
        kind=CONTACT_DETAILS,
        subject_id=contact.pk,
        sequence=contact.version,
        recorded_at=contact.created_at,
        initiator_system=ACTOR.name,
        **recorded(changes_between({}, contact.details)),
    )


def _assign(staff: Staff, contacts: Mapping[int, Contact]) -> None:
    ContactAssignment.objects.bulk_create(
        [
            ContactAssignment(contact=contact, member=staff.members[account.username])
            for number, contact in contacts.items()
            for account in caretakers(number)
        ]
    )
    ContactParticipant.objects.bulk_create(
        [
            ContactParticipant(contact=contact, participant=staff.participants[name])
            for number, contact in contacts.items()
            for name in offices(number)
        ]
    )
