"""Entries of legal entity files: everything that can be read and checked without the database."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from core.text import in_one_form
from importexport.imports.entries import Entry, is_id, list_of, parsed, read_details
from importexport.imports.reading import RawEntry
from schemas.compiled import CompiledSchema

PROPERTIES = frozenset({"externalId", "details", "contacts"})
CONTACT_KEYS = ("id", "externalId")
POLICY_KEYS = ("accessPolicyId", "accessPolicy")


@dataclass(slots=True, kw_only=True)
class NamedContact:
    """A contact of an entry, given by id or external id, and the access policy that it gets."""

    place: str
    id: int | None
    external_id: str | None
    policy_id: int


@dataclass(slots=True, kw_only=True)
class LegalEntityEntry(Entry):
    contacts: list[NamedContact] | None = None


def read_legal_entity(raw: RawEntry, *, schema: CompiledSchema, policies: dict[int | str, int]) -> LegalEntityEntry:
    """Return the entry, with faults for everything invalid. `policies` maps ids and keys to ids."""
    entry = LegalEntityEntry(number=raw.number, position=raw.position)
    given = parsed(raw, entry, properties=PROPERTIES)
    if not given:
        return entry
    read_details(entry, given, schema=schema)
    if (named := list_of(entry, given, "contacts")) is not None:
        entry.contacts = []
        for index, contact in enumerate(named):
            _read_contact(entry, contact, f"contacts[{index}]", policies)
    return entry


def _read_contact(entry: LegalEntityEntry, given: Any, place: str, policies: dict[int | str, int]) -> None:
    if not isinstance(given, dict) or given.keys() - {*CONTACT_KEYS, *POLICY_KEYS}:
        entry.refuse(place, _("Expected an object with id or externalId, and accessPolicyId or accessPolicy."))
        return
    named = [given[key] for key in CONTACT_KEYS if given.get(key) is not None]
    policy = [given[key] for key in POLICY_KEYS if given.get(key) is not None]
    contact_id, external_id = given.get("id"), in_one_form(given.get("externalId"))
    is_named = is_id(contact_id) if contact_id is not None else isinstance(external_id, str) and bool(external_id)
    if len(named) != 1 or not is_named:
        entry.refuse(place, _("Name the contact by id or by externalId, one of the two."))
        return
    is_key = len(policy) == 1 and (isinstance(policy[0], str) or is_id(policy[0]))
    policy_id = policies.get(policy[0]) if is_key else None
    if policy_id is None or isinstance(policy[0], str) != (given.get("accessPolicy") is not None):
        entry.refuse(place, _("Name an access policy: accessPolicyId or accessPolicy, its id or its key."))
        return
    if entry.contacts is not None:
        entry.contacts.append(NamedContact(place=place, id=contact_id, external_id=external_id, policy_id=policy_id))
