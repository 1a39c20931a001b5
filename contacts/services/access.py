"""Who sees a contact: its participants, and the members whom it is assigned to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import Member, Participant
from audit import entries
from changerequests.models import ChangeRequest
from changerequests.services.submitting import approved_by, request_of_many_if_required
from contacts.models import CONTACT_ACCESS, Contact, ContactAssignment, ContactParticipant
from contacts.queries.contacts import no_such_contact
from contacts.snapshots import checked_changeable
from core.documents import Change
from core.errors import UnprocessableEntity, map_lock_errors

PARTICIPANTS, MEMBERS = "participants", "members"


@dataclass(frozen=True, slots=True)
class _Links:
    """The rows that link contacts to what sees them: their model, its column, and the model that this refers to."""

    model: type[Model]
    column: str
    target: type[Model]


LINKS: Mapping[str, _Links] = {
    PARTICIPANTS: _Links(ContactParticipant, "participant", Participant),
    MEMBERS: _Links(ContactAssignment, "member", Member),
}


@dataclass(frozen=True, slots=True)
class AccessChange:
    """Ids to add to a contact's participants and members, and to take away; what is as wanted already is left out."""

    added_participants: frozenset[int] = frozenset()
    removed_participants: frozenset[int] = frozenset()
    added_members: frozenset[int] = frozenset()
    removed_members: frozenset[int] = frozenset()

    def planned(self, document: Mapping[str, Any]) -> list[Change]:
        """Return the changes to a document."""
        return [
            Change(path, before, after)
            for path, added, removed in (
                (PARTICIPANTS, self.added_participants, self.removed_participants),
                (MEMBERS, self.added_members, self.removed_members),
            )
            if (after := sorted({*(before := document[path])} - removed | added)) != before
        ]


@dataclass(frozen=True, slots=True)
class LockedAccess:
    """A locked contact, and the ids of its participants and members as a document."""

    contact: Contact
    document: Mapping[str, list[int]]


def locked_access(*, actor: Actor, contact_ids: Sequence[int]) -> dict[int, LockedAccess]:
    """Lock contacts in the order of their ids; return who sees them. Raises NotFound; HeldByOthers; ContactAnonymized.

    Runs three queries.
    """
    visible = Contact.objects.visible_to(actor).select_for_update(of=("self",)).select_related("type")
    with map_lock_errors():
        contacts = list(visible.filter(pk__in=contact_ids).order_by("pk").defer("details"))
    if len(contacts) != len(set(contact_ids)):
        raise no_such_contact()
    ids: dict[int, dict[str, list[int]]] = {contact.pk: {path: [] for path in LINKS} for contact in contacts}
    for path, links in LINKS.items():
        rows: Any = links.model._default_manager.filter(contact__in=ids).order_by(links.column)
        for contact_id, linked_id in rows.values_list("contact", links.column):
            ids[contact_id][path].append(linked_id)
    return {contact.pk: LockedAccess(checked_changeable(contact), ids[contact.pk]) for contact in contacts}


@transaction.atomic
def change_access(*, actor: Actor, wanted: Mapping[int, AccessChange]) -> ChangeRequest | None:
    """Change who sees contacts, each by its id; return the request if this waits, about all of them.

    Locks the contacts. Raises NotFound; UnprocessableEntity `PendingChangeRequestExists`, `ContactAnonymized`,
    `ValidationFailed` for participants or members that do not exist.
    """
    subjects = locked_access(actor=actor, contact_ids=list(wanted))
    planned = {pk: wanted[pk].planned(subject.document) for pk, subject in subjects.items()}
    changes = {pk: found for pk, found in planned.items() if found}
    for found in changes.values():
        check_exist(found)
    request = request_of_many_if_required(kind=CONTACT_ACCESS, subjects=subjects, changes=changes, actor=actor)
    if request is None:
        for pk, found in changes.items():
            write_access(actor=actor, subject=subjects[pk], changes=found)
    return request


def write_access(
    *,
    actor: Actor,
    subject: LockedAccess,
    changes: Sequence[Change],
    request: ChangeRequest | None = None,
    initiator: Mapping[str, Any] | None = None,
) -> None:
    """Write changes of a locked contact's access, and their entry. Raises UnprocessableEntity `ValidationFailed`.

    As part of something else that was approved, the entry names `initiator`, in its columns, instead of the actor.
    """
    check_exist(changes)
    contact = subject.contact
    for change in changes:
        links = LINKS[change.path]
        rows: Any = links.model._default_manager
        kept, now = set(change.target or ()), set(subject.document[change.path])
        rows.filter(**{"contact": contact, f"{links.column}__in": now - kept}).delete()
        rows.bulk_create(
            links.model(**{"contact": contact, f"{links.column}_id": added}) for added in sorted(kept - now)
        )
    recorded = {"initiator": initiator, **approved_by(request)}
    entries.append(kind=CONTACT_ACCESS, subject_id=contact.pk, actor=actor, changes=changes, **recorded)


def check_exist(changes: Sequence[Change]) -> None:
    """Raise UnprocessableEntity unless what is added exists."""
    for change in changes:
        added = set(change.target or ()) - set(change.original or ())
        rows: Any = LINKS[change.path].target._default_manager
        if added and rows.filter(pk__in=added).count() != len(added):
            raise UnprocessableEntity(
                sub_code="ValidationFailed", properties={change.path: [_("One of them does not exist.")]}
            )
