"""The root fields of queries: contacts and legal entities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from accounts.actor import Actor
from accounts.permissions import ANYONE, Access
from audit.models import Entry
from contacts.models import CONTACT_SCHEMA, Contact, ExternalConnection
from core.language import localized
from importexport.graphql.kinds import INT, MOMENT, TEXT, UID
from importexport.graphql.tree import Attribute, Branch, Node, Value, branch_of
from legalentities.models import LEGAL_ENTITY_SCHEMA, LegalEntity
from legalentities.querysets import link_of_row
from schemas.definition import Definition


def default_connection_of_row() -> QuerySet[ExternalConnection]:
    """Return the subquery for the contact's external connection in the system Default, the key of imports."""
    return ExternalConnection.objects.filter(contact=OuterRef("pk"), system=ExternalConnection.DEFAULT_SYSTEM)


def _answered_by_row() -> QuerySet[Contact]:
    """Return the subquery for the contacts that the row answers for: itself, and those that were merged into it."""
    answered = Contact.objects.alias(answers=Coalesce("merged_into", "pk"))
    return answered.filter(answers=OuterRef("pk")).order_by()


def _connections_to_row() -> QuerySet[ExternalConnection]:
    """Return the subquery for the keys of imports that lead to the row."""
    connections = ExternalConnection.objects.alias(answers=Coalesce("contact__merged_into", "contact"))
    return connections.filter(answers=OuterRef("pk"), system=ExternalConnection.DEFAULT_SYSTEM).order_by()


def _latest_entry_of_row() -> QuerySet[Entry]:
    """Return the subquery for the entry of the contact's version. A join would read it for all rows, not for a page."""
    return Entry.objects.filter(kind=OuterRef("entry_kind"), subject_id=OuterRef("pk"), sequence=OuterRef("version"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A root field: its name, the type name of its rows and the required access.

    `shown` are annotations of the returned rows, selected in the same statement. Rows that are contacts are on record
    as read.
    """

    name: str
    type_name: str
    description: str
    schema_key: str
    access: Access
    visible: Callable[[Actor], QuerySet[Any]]
    branch: Callable[[Definition], Branch]
    joined: tuple[str, ...] = ()
    shown: Mapping[str, Combinable]
    shows_contacts: bool = False

    def answering(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows with everything that a response may show, so that no further queries are needed."""
        if self.joined:
            rows = rows.select_related(*self.joined)
        return rows.annotate(**self.shown)


def _type_name(contact: Contact) -> str:
    return localized(contact.type.names, fallback=contact.type.key)


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


_CONTACT_TYPE: Mapping[str, Node] = {
    "id": Attribute(kind=INT, column="type_id", is_never_null=True, read=lambda contact: contact.type_id),
    "key": Attribute(kind=TEXT, column="type__key", is_never_null=True, read=lambda contact: contact.type.key),
    "name": Attribute(
        kind=TEXT,
        column="type__key",
        read=_type_name,
        description="In the language of the request.",
        is_filter=False,
    ),
}

_CONTACT: Mapping[str, Node] = {
    "id": Attribute(
        kind=INT, column="id", answering=_answered_by_row, is_never_null=True, read=lambda contact: contact.pk
    ),
    "uid": Attribute(
        kind=UID, column="uid", answering=_answered_by_row, is_never_null=True, read=lambda contact: str(contact.uid)
    ),
    "type": Branch(fields=_CONTACT_TYPE, description="Contact type"),
    "username": Attribute(kind=TEXT, column="username", read=lambda contact: contact.username),
    "externalId": Attribute(
        kind=TEXT,
        column="external_id",
        related=default_connection_of_row,
        answering=_connections_to_row,
        read=lambda contact: contact.default_external_id,
        description="The key of the import, of the system Default. Not open to contacts.",
        staff_only=True,
    ),
    "name": Attribute(kind=TEXT, column="name", read=lambda contact: contact.name),
    "version": Attribute(kind=INT, column="version", is_never_null=True, read=lambda contact: contact.version),
    "createDate": Attribute(
        kind=MOMENT, column="created_at", is_never_null=True, read=lambda contact: _iso(contact.created_at)
    ),
    "changeDate": Attribute(
        kind=MOMENT,
        column="latest_entry__recorded_at",
        is_never_null=True,
        read=lambda contact: _iso(contact.changed_at),
        description="When the details last changed.",
    ),
}

_LEGAL_ENTITY: Mapping[str, Node] = {
    "id": Attribute(kind=INT, column="id", is_never_null=True, read=lambda legal_entity: legal_entity.pk),
    "uid": Attribute(kind=UID, column="uid", is_never_null=True, read=lambda legal_entity: str(legal_entity.uid)),
    "externalId": Attribute(kind=TEXT, column="external_id", read=lambda legal_entity: legal_entity.external_id),
    "contactGroupId": Attribute(
        kind=INT, column="group_id", related=link_of_row, read=lambda legal_entity: legal_entity.group_id
    ),
    "name": Attribute(kind=TEXT, column="name", read=lambda legal_entity: legal_entity.name),
    "version": Attribute(
        kind=INT, column="version", is_never_null=True, read=lambda legal_entity: legal_entity.version
    ),
    "createDate": Attribute(
        kind=MOMENT, column="created_at", is_never_null=True, read=lambda legal_entity: _iso(legal_entity.created_at)
    ),
}


def _contact(definition: Definition) -> Branch:
    """Place the sections of the details next to the contact's attributes.

    Who looks for a display name finds a contact without one by its name, which is made of the others.
    """
    branch = branch_of(definition.elements, others=_CONTACT)
    person = branch.fields.get("personalInformation")
    shown = person.fields.get("displayName") if isinstance(person, Branch) else None
    if not isinstance(person, Branch) or not isinstance(shown, Value) or shown.kind is not TEXT:
        return branch
    person = replace(person, fields={**person.fields, "displayName": replace(shown, stand_in="name")})
    return replace(branch, fields={**branch.fields, "personalInformation": person})


def _legal_entity(definition: Definition) -> Branch:
    details = branch_of(definition.elements)
    return Branch(fields={**_LEGAL_ENTITY, "details": Branch(fields=details.fields, is_document=True)})


CONTACTS = Root(
    name="contacts",
    type_name="Contact",
    description="The contacts that the caller sees.",
    schema_key=CONTACT_SCHEMA,
    access=Access("contacts.read", ANYONE),
    visible=lambda actor: Contact.objects.visible_to(actor),
    branch=_contact,
    joined=("type",),
    shown={
        "default_external_id": Subquery(default_connection_of_row().values("external_id")[:1]),
        "changed_at": Subquery(_latest_entry_of_row().values("recorded_at")),
    },
    shows_contacts=True,
)
LEGAL_ENTITIES = Root(
    name="legalentities",
    type_name="LegalEntity",
    description="The legal entities that the caller sees.",
    schema_key=LEGAL_ENTITY_SCHEMA,
    access=Access("legal-entities.read", ANYONE),
    visible=lambda actor: LegalEntity.objects.visible_to(actor),
    branch=_legal_entity,
    shown={"group_id": Subquery(link_of_row().values("group_id"))},
)
ROOTS: Mapping[str, Root] = {root.name: root for root in (CONTACTS, LEGAL_ENTITIES)}
