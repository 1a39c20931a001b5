"""What a contact is called and shown by: its type, its username, its ids in other systems and its picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from audit import entries
from changerequests.models import ChangeRequest, Proposal
from changerequests.services.submitting import approved_by, request_if_required
from contacts.models import CONTACT_IDENTITY, CONTACT_TYPES, Contact, ProfilePicture
from contacts.queries.systems import held_systems
from contacts.services.external_ids import (
    another_external_id,
    check_external_ids_free,
    connect,
    connection_in_form,
    reconnect,
)
from contacts.services.usernames import (
    check_username_changeable,
    check_username_free,
    unique_username,
    username_in_form,
)
from contacts.snapshots import changeable_contact
from core.documents import Change, is_same
from core.errors import UnprocessableEntity
from core.stored_files import discard_file
from schemas.models import ListItem

TYPE, USERNAME, CONNECTIONS, PICTURE = "type", "username", "externalConnections", "picture"

Connections = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class LockedIdentity:
    """A locked contact with its identity as a document: connections are an array, a picture is a file and its hash.

    The type is the id of its item.
    """

    contact: Contact
    document: Mapping[str, Any]

    def changes(self, **wanted: Any) -> list[Change]:
        """Return the changes to these values."""
        return [
            Change(path, self.document[path], target)
            for path, target in wanted.items()
            if not is_same(self.document[path], target)
        ]

    def connections_with(self, added: Connections) -> list[Mapping[str, str]]:
        """Return its connections with others.

        Raises UnprocessableEntity `ExternalConnectionExists`, `ValidationFailed`.
        """
        present = self.document[CONNECTIONS]
        systems = held_systems()
        # Earlier versions stored other spellings.
        held = [{**one, "system": systems.named(one["system"]) or one["system"]} for one in present]
        taken = {connection["system"] for connection in held}
        wanted = (connection_in_form(connection, systems) for connection in added)
        new = [connection for connection in wanted if connection not in held]
        if any(connection["system"] in taken for connection in new):
            raise another_external_id()
        return [*present, *new]


def locked_identity(*, actor: Actor, contact_id: int) -> LockedIdentity:
    """Lock a contact and return its identity. Raises NotFound; HeldByOthers; ContactAnonymized. Runs three queries."""
    contact = changeable_contact(actor=actor, contact_id=contact_id)
    connections = contact.external_connections.values_list("system", "external_id")
    picture = ProfilePicture.objects.filter(contact=contact).first()
    return LockedIdentity(
        contact,
        {
            TYPE: contact.type_id,
            USERNAME: contact.username,
            CONNECTIONS: [{"system": system, "externalId": external_id} for system, external_id in connections],
            PICTURE: None if picture is None else picture.as_json(),
        },
    )


def change_identity(*, actor: Actor, subject: LockedIdentity, changes: Sequence[Change]) -> ChangeRequest | None:
    """Change a locked identity unless it waits; return the request then.

    Raises UnprocessableEntity `PendingChangeRequestExists`, and what `write_identity` raises.
    """
    check_identity(subject, changes)
    request = request_if_required(
        kind=CONTACT_IDENTITY, subject_id=subject.contact.pk, subject=subject, changes=changes, actor=actor
    )
    if changes and request is None:
        write_identity(actor=actor, subject=subject, changes=changes)
    return request


@transaction.atomic
def change_username(*, actor: Actor, contact_id: int, username: str | None) -> ChangeRequest | None:
    """Change a contact's username; return the request if it waits. Locks the contact.

    Raises NotFound; UnprocessableEntity: UsernameCoupledWithEmail, UsernameManagedExternally, UsernameRequired,
    UsernameNotUnique, ValidationFailed, ContactAnonymized, PendingChangeRequestExists.
    """
    subject = locked_identity(actor=actor, contact_id=contact_id)
    username = username_in_form(username)
    check_username_changeable(username)
    return change_identity(actor=actor, subject=subject, changes=subject.changes(**{USERNAME: username}))


def write_identity(
    *, actor: Actor, subject: LockedIdentity, changes: Sequence[Change], request: ChangeRequest | None = None
) -> None:
    """Write changes of a locked identity, and their entry.

    Raises UnprocessableEntity `UsernameNotUnique`, `ExternalIdNotUnique`, `ValidationFailed` for an unknown type.
    """
    check_identity(subject, changes)
    for change in changes:
        _WRITERS[change.path](subject, change)
    contact = subject.contact
    entries.append(kind=CONTACT_IDENTITY, subject_id=contact.pk, actor=actor, changes=changes, **approved_by(request))


def check_identity(subject: LockedIdentity, changes: Sequence[Change]) -> None:
    """Raise what `write_identity` raises."""
    for change in changes:
        _CHECKS[change.path](subject, change)


def contact_type(type_id: int | None) -> ListItem:
    """Return the type of contacts with this id. Raises UnprocessableEntity `ValidationFailed`."""
    types = ListItem.objects.filter(list__key=CONTACT_TYPES)
    found = None if type_id is None else types.filter(pk=type_id).first()
    if found is None:
        expected = _("Expected the id of an item of the list %(list)s.") % {"list": CONTACT_TYPES}
        raise UnprocessableEntity(
            _("There is no such type of contact."),
            sub_code="ValidationFailed",
            properties={"contactTypeId": [expected]},
        )
    return found


def _check_type(subject: LockedIdentity, change: Change) -> None:
    contact_type(change.target)


def _write_type(subject: LockedIdentity, change: Change) -> None:
    subject.contact.type = contact_type(change.target)
    subject.contact.save(update_fields=["type"])


def _check_username(subject: LockedIdentity, change: Change) -> None:
    check_username_changeable(change.target)
    check_username_free(change.target, but_by=subject.contact)


def _write_username(subject: LockedIdentity, change: Change) -> None:
    subject.contact.username = change.target
    with unique_username():
        subject.contact.save(update_fields=["username"])


def _added(change: Change) -> list[Mapping[str, str]]:
    return [connection for connection in change.target or () if connection not in (change.original or ())]


def _check_connections(subject: LockedIdentity, change: Change) -> None:
    check_external_ids_free([connection["externalId"] for connection in _added(change)])


def _write_connections(subject: LockedIdentity, change: Change) -> None:
    """Add external ids, or replace those in the same systems. None is taken away."""
    systems = {connection["system"] for connection in change.original or ()}
    added = _added(change)
    reconnect(subject.contact, [connection for connection in added if connection["system"] in systems])
    connect(subject.contact, [connection for connection in added if connection["system"] not in systems])


def _check_picture(subject: LockedIdentity, change: Change) -> None:
    """Any picture will do: it was encoded before it was stored."""


def _write_picture(subject: LockedIdentity, change: Change) -> None:
    for picture in ProfilePicture.objects.filter(contact=subject.contact):
        discard_file(str(picture.file.name))
        picture.delete()
    if change.target is not None:
        picture = ProfilePicture(contact=subject.contact, file=change.target["file"], sha256=change.target["sha256"])
        picture.save(force_insert=True)


_CHECKS: Mapping[str, Callable[[LockedIdentity, Change], None]] = {
    TYPE: _check_type,
    USERNAME: _check_username,
    CONNECTIONS: _check_connections,
    PICTURE: _check_picture,
}
_WRITERS: Mapping[str, Callable[[LockedIdentity, Change], None]] = {
    TYPE: _write_type,
    USERNAME: _write_username,
    CONNECTIONS: _write_connections,
    PICTURE: _write_picture,
}


def discard_proposed_pictures(contact_ids: Sequence[int]) -> None:
    """Discard the files of all pictures that were ever asked for."""
    proposals = Proposal.objects.filter(subject__kind=CONTACT_IDENTITY, subject__subject_id__in=contact_ids)
    for changes in proposals.values_list("changes", flat=True):
        for change in changes:
            if change["path"] == PICTURE and change["target"] is not None:
                discard_file(change["target"]["file"])
