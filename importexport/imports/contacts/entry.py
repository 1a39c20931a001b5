"""Entries of contact files: everything that can be read and checked without the database."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from contacts.models import MAX_USERNAME, ExternalConnection
from contacts.queries.systems import Systems
from contacts.services.external_ids import connection_in_form
from core.errors import ApiError
from importexport.imports.contacts.references import References
from importexport.imports.entries import Entry, list_of, parsed, read_details, text_of
from importexport.imports.reading import RawEntry
from schemas.compiled import CompiledSchema

PROPERTIES = frozenset(
    {
        "externalId",
        "contactTypeId",
        "contactType",
        "username",
        "details",
        "participants",
        "members",
        "externalConnections",
    }
)
CONNECTION_PROPERTIES = {"system", "externalId"}


@dataclass(slots=True, kw_only=True)
class ContactEntry(Entry):
    type_id: int | None = None
    username: str | None = None
    participants: frozenset[int] | None = None
    members: frozenset[int] | None = None
    connections: dict[str, str] | None = None


def read_contact(raw: RawEntry, *, schema: CompiledSchema, references: References) -> ContactEntry:
    """Return the entry, with faults for everything invalid."""
    entry = ContactEntry(number=raw.number, position=raw.position)
    given = parsed(raw, entry, properties=PROPERTIES)
    if not given:
        return entry
    entry.type_id = references.type_id(entry, by_id=given.get("contactTypeId"), by_key=given.get("contactType"))
    entry.username = text_of(entry, given, "username", most=MAX_USERNAME)
    read_details(entry, given, schema=schema)
    if (named := list_of(entry, given, "participants")) is not None:
        entry.participants = references.participant_ids(entry, named)
    if (named := list_of(entry, given, "members")) is not None:
        entry.members = references.member_ids(entry, named)
    if (named := list_of(entry, given, "externalConnections")) is not None:
        entry.connections = _connections(entry, named, references.systems)
    return entry


def _connections(entry: ContactEntry, named: list[Any], systems: Systems) -> dict[str, str]:
    """Return system -> external id. The system Default may be given if it matches the entry's external id."""
    found: dict[str, str] = {}
    for index, connection in enumerate(named):
        place = f"externalConnections[{index}]"
        if not isinstance(connection, dict) or connection.keys() != CONNECTION_PROPERTIES:
            entry.refuse(place, _("Expected an object with system and externalId."))
            continue
        if not all(isinstance(value, str) for value in connection.values()):
            entry.refuse(place, _("Expected a system and an external id: texts."))
            continue
        try:
            system, external_id = connection_in_form(connection, systems).values()
        except ApiError as error:
            for faults in (error.properties or {}).values():
                entry.refuse(place, *faults)
            continue
        if system == ExternalConnection.DEFAULT_SYSTEM:
            if external_id != entry.external_id:
                entry.refuse(place, _("The external id in the system Default is that of the entry."))
        elif system in found or external_id in found.values() or external_id == entry.external_id:
            entry.refuse(place, _("A system and an external id may be named once."))
        else:
            found[system] = external_id
    return found
