"""The kind of change request for who sees a contact."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.models import Member, Participant
from changerequests.models import ChangeRequest
from changerequests.policies import Facts, Initiator, KindPolicy, profiles
from contacts.kinds.contacts import ContactDocumentKind, ContactPresenter
from contacts.models import CONTACT_ACCESS
from contacts.services.access import (
    LINKS,
    MEMBERS,
    PARTICIPANTS,
    AccessChange,
    LockedAccess,
    locked_access,
    write_access,
)
from core.documents import Change

LABELS = {PARTICIPANTS: _("Participants"), MEMBERS: _("Relationship managers")}
# Who sees a contact, as a column of its row.
_DOCUMENT = JSONObject(
    **{
        path: ArraySubquery(
            links.model._default_manager.filter(contact=OuterRef("pk")).order_by(links.column).values(links.column)
        )
        for path, links in LINKS.items()
    }
)


class ContactAccessKind(ContactDocumentKind):
    """A change of a contact's participants or of the members whom it is assigned to."""

    key = CONTACT_ACCESS
    label = _("Access to a contact")
    profiles = profiles(waits=True)
    is_repeatable = True
    document = _DOCUMENT

    def lock(self, *, actor: Actor, subject_id: int) -> LockedAccess:
        return locked_access(actor=actor, contact_ids=[subject_id])[subject_id]

    def apply(self, *, actor: Actor, subject: LockedAccess, changes: Sequence[Change], request: ChangeRequest) -> None:
        write_access(actor=actor, subject=subject, changes=changes, request=request)

    def document_of(self, subject: LockedAccess) -> Mapping[str, Any]:
        return subject.document

    def amended(self, *, actor: Actor, subject: LockedAccess, document: Mapping[str, Any]) -> Sequence[Change]:
        """Return the changes to the ids that the document has instead."""
        wanted = {path: frozenset(document.get(path, subject.document[path])) for path in LINKS}
        now = {path: frozenset(ids) for path, ids in subject.document.items()}
        return AccessChange(
            added_participants=wanted[PARTICIPANTS],
            removed_participants=now[PARTICIPANTS] - wanted[PARTICIPANTS],
            added_members=wanted[MEMBERS],
            removed_members=now[MEMBERS] - wanted[MEMBERS],
        ).planned(subject.document)

    def facts(self, subject: LockedAccess, policy: KindPolicy, initiator: Initiator) -> Facts:
        return Facts(subject.contact.type.key, frozenset(subject.document[PARTICIPANTS]), initiator)

    def presenter(self) -> "AccessPresenter":
        return AccessPresenter(CONTACT_ACCESS, LABELS)


class AccessPresenter(ContactPresenter):
    """Presents ids by the names of participants and members, all of which it loads once they are needed."""

    @cached_property
    def _names(self) -> Mapping[str, Mapping[int, str]]:
        members = Member.objects.select_related("user")
        return {
            PARTICIPANTS: dict(Participant.objects.values_list("pk", "name")),
            MEMBERS: {member.pk: member.name for member in members},
        }

    def text(self, value: Any, *, name: str) -> str:
        if name in LINKS and value is not None:
            return self._names[name].get(value, f"#{value}")
        return super().text(value, name=name)
