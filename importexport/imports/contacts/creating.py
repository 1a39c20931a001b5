"""What new contacts begin with, and those that have to wait: reserved with their batch, and asked for by the caller."""

from collections.abc import Sequence
from uuid import uuid4

from django.db.backends.utils import CursorWrapper

from changerequests.policies import Requirement
from contacts.models import CONTACT_CREATION, ExternalConnection, ReservedExternalId, WaitingContact, name_of
from contacts.services.creation import new_document
from core.documents import Change, Document
from importexport.imports.contacts import statements
from importexport.imports.contacts.plan import New
from importexport.imports.contacts.references import References
from importexport.imports.contacts.relations import WAITING_MEMBERS, WAITING_PARTICIPANTS, Relation, pairs_of
from importexport.imports.copying import copy_into, number, row, text
from importexport.imports.entries import Outcome, Waiting


def document_of(item: New, *, references: References) -> Document:
    """Return what a request to create the contact would ask for."""
    return new_document(
        type_id=item.entry.type_id,
        username=item.username,
        connections=[{"system": system, "externalId": external_id} for system, external_id in connections_of(item)],
        participants=_participants_of(item, references),
        members=_members_of(item, references),
        details=item.entry.details or {},
    )


def connections_of(item: New) -> list[tuple[str, str]]:
    """Return system and external id of each connection that the contact begins with."""
    own = (ExternalConnection.DEFAULT_SYSTEM, item.entry.external_id or "")
    return [own, *(item.entry.connections or {}).items()]


def link(
    cursor: CursorWrapper, items: Sequence[New], participants: Relation, members: Relation, *, references: References
) -> None:
    """Write the participants and members that the contacts begin with."""
    participants.add(cursor, [pair for item in items for pair in pairs_of(item.id, _participants_of(item, references))])
    members.add(cursor, [pair for item in items for pair in pairs_of(item.id, _members_of(item, references))])


def ask_for(
    cursor: CursorWrapper, waiting: Sequence[tuple[New, Sequence[Change], Requirement]], references: References
) -> None:
    """Have new contacts wait: draw their ids and reserve their names.

    Call it before the contacts of the batch are written: a reservation waits for others that write contacts.
    """
    if not waiting:
        return
    for (item, changes, requirement), pk in zip(waiting, statements.new_ids(cursor, len(waiting)), strict=True):
        item.id = pk
        item.entry.waiting[CONTACT_CREATION] = Waiting(pk, changes, requirement)
        item.entry.outcome = Outcome.AWAITING
    items = [item for item, _changes, _requirement in waiting]
    copy_into(
        cursor,
        WaitingContact,
        ["id", "uid", "name", "username"],
        (
            row(
                number(item.id),
                uuid4().hex.encode(),
                text(name_of(details=item.entry.details or {}, username=item.username)),
                text(item.username),
            )
            for item in items
        ),
    )
    copy_into(
        cursor,
        ReservedExternalId,
        ["contact", "external_id"],
        (row(number(item.id), text(external_id)) for item in items for _system, external_id in connections_of(item)),
    )
    link(cursor, items, WAITING_PARTICIPANTS, WAITING_MEMBERS, references=references)


def _participants_of(item: New, references: References) -> frozenset[int]:
    named = item.entry.participants
    return references.inherited if named is None else named


def _members_of(item: New, references: References) -> frozenset[int]:
    return references.assigned | (item.entry.members or frozenset())
