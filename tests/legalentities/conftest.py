"""Legal entities, access policies and changed schemas."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from accounts.actor import Actor, system_actor
from contactgroups.services import Membership
from contacts.models import Contact
from legalentities.models import LEGAL_ENTITY_SCHEMA, LegalEntity
from legalentities.services import create_legal_entity
from schemas.models import ListItem
from schemas.queries import current_schema
from schemas.services.schemas import publish_schema
from tests.legalentities.documents import company


@pytest.fixture
def policy(default_schemas: None) -> Callable[[str], int]:
    """Return the id of an access policy by its key."""
    return lambda key: ListItem.objects.get(list__key="access-policy", key=key).pk


@pytest.fixture
def make_legal_entity(policy: Callable[[str], int]) -> Callable[..., LegalEntity]:
    def make(
        *contacts: Contact,
        document: dict[str, Any] | None = None,
        policy_key: str = "owner",
        external_id: str | None = None,
        actor: Actor | None = None,
    ) -> LegalEntity:
        """Create a legal entity with the service, in a group of the contacts, all with the same policy."""
        return create_legal_entity(
            actor=actor or system_actor("tests"),
            details=company() if document is None else document,
            memberships=[Membership(contact.pk, policy(policy_key)) for contact in contacts],
            external_id=external_id,
        )

    return make


def _elements(elements: Iterable[dict[str, Any]], above: str = "") -> Iterable[tuple[str, dict[str, Any]]]:
    for element in elements:
        path = f"{above}{element['key']}"
        yield path, element
        yield from _elements(element.get("elements", []), f"{path}.")


@pytest.fixture
def flag_fields(default_schemas: None) -> Callable[..., None]:
    def flag(*paths: str, **flags: bool) -> None:
        """Publish a schema version that sets the flags on the fields at the paths."""
        schema = current_schema(LEGAL_ENTITY_SCHEMA)
        definition = json.loads(schema.definition_text)
        found = dict(_elements(definition["elements"]))
        for path in paths:
            found[path].update(flags)
        publish(definition)

    return flag


@pytest.fixture
def remove_field(default_schemas: None) -> Callable[[str], None]:
    def remove(path: str) -> None:
        """Publish a schema version without the field."""
        definition = json.loads(current_schema(LEGAL_ENTITY_SCHEMA).definition_text)
        found = dict(_elements(definition["elements"]))
        above, _dot, key = path.rpartition(".")
        holder = found[above] if above else definition
        holder["elements"] = [element for element in holder["elements"] if element["key"] != key]
        publish(definition)

    return remove


def publish(definition: dict[str, Any]) -> None:
    publish_schema(
        actor=system_actor("tests"),
        key=LEGAL_ENTITY_SCHEMA,
        definition_text=json.dumps(definition),
        concurrency_token=current_schema(LEGAL_ENTITY_SCHEMA).concurrency_token,
    )
