"""Two contacts, locked with their groups, to be merged or separated."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.models import RequestSubject
from contactgroups.documents import MEMBERS as GROUP_MEMBERS
from contactgroups.models import ContactGroup, GroupMembership
from contactgroups.subjects import LockedGroup, locked_groups
from contacts.models import Contact, Merge
from contacts.queries.contacts import answering_ids, no_such_contact
from contacts.services.access import LINKS, LockedAccess
from contacts.snapshots import checked_changeable
from core.errors import UnprocessableEntity, map_lock_errors
from merging.documents import DETAILS, GROUPS, LOSER, MERGED_INTO


@dataclass(frozen=True, slots=True)
class Pair:
    """The survivor and the other contact, locked until the transaction ends, with all that is merged into them.

    `links` has the participants and members of each by its id, `groups` the locked groups that one of them is in.
    """

    survivor: Contact
    loser: Contact
    links: Mapping[int, Mapping[str, list[int]]]
    groups: Mapping[int, LockedGroup]

    def access(self, contact: Contact) -> LockedAccess:
        return LockedAccess(contact, dict(self.links[contact.pk]))

    def belongings(self, contact: Contact) -> dict[str, Any]:
        """Return the ids of a contact's participants, members and groups; of these with its policies."""
        key = str(contact.pk)
        return {
            **self.links[contact.pk],
            GROUPS: {
                str(pk): policy
                for pk, group in self.groups.items()
                if (policy := group.document.get(GROUP_MEMBERS, {}).get(key)) is not None
            },
        }

    def gives_username(self, username: str | None) -> bool:
        """Return whether this is the other contact's username, which the survivor takes over then."""
        own = self.loser.username
        return username is not None and own is not None and own.casefold() == username.casefold()

    @property
    def state(self) -> dict[str, Any]:
        """The state of the other contact, as `merging.documents` describes it."""
        loser = self.loser
        if loser.merged_into_id is not None:
            return {"id": loser.pk, MERGED_INTO: loser.merged_into_id}
        return state_of(loser, self.belongings(loser))

    @property
    def document(self) -> dict[str, Any]:
        return {DETAILS: self.survivor.details, **self.belongings(self.survivor), LOSER: self.state}


def state_of(contact: Contact, belongings: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": contact.pk, "version": contact.version, "username": contact.username, **belongings}


class _MergedMeanwhileError(Exception):
    """Somebody else has merged a contact while it was waited for."""


def locked_pair(*, actor: Actor, survivor_id: int, loser_id: int) -> Pair:
    """Lock two contacts and what is merged into them, by id, then their groups. Runs nine statements.

    Raises NotFound if one of the two does not exist or cannot be seen; HeldByOthers; `ContactAnonymized`.
    """
    while True:
        # Rolled back, it gives up its locks: with those that it has missed they could meet others in a deadlock.
        with suppress(_MergedMeanwhileError), transaction.atomic():
            return _locked_pair(actor, survivor_id, loser_id)


def _locked_pair(actor: Actor, survivor_id: int, loser_id: int) -> Pair:
    ids = [survivor_id, loser_id]
    visible = Contact.objects.visible_with_merged(actor).filter(Q(pk__in=ids) | Q(merged_into__in=ids))
    with map_lock_errors():
        rows = {row.pk: row for row in visible.select_for_update(of=("self",)).order_by("pk")}
    if not rows.keys() >= set(ids):
        raise no_such_contact()
    if Contact.objects.filter(merged_into__in=ids).exclude(pk__in=rows).exists():
        raise _MergedMeanwhileError
    survivor, loser = checked_changeable(rows[survivor_id]), checked_changeable(rows[loser_id])
    memberships = GroupMembership.objects.filter(contact__in=ids).order_by().values("group")
    # Those that the loser was in before it was merged.
    before: Any = Merge.objects.filter(loser=loser_id, undone_by=None).values_list("before", flat=True).first()
    earlier = [] if before is None else list(map(int, before["loser"][GROUPS]))
    groups = locked_groups(ContactGroup.objects.filter(Q(pk__in=memberships) | Q(pk__in=earlier)))
    return Pair(survivor, loser, links_of(ids), groups)


def links_of(ids: Collection[int]) -> dict[int, dict[str, list[int]]]:
    """Return the ids of the participants and members of contacts. Runs two queries."""
    found: dict[int, dict[str, list[int]]] = {pk: {path: [] for path in LINKS} for pk in ids}
    for path, links in LINKS.items():
        rows: Any = links.model._default_manager.filter(contact__in=ids).order_by(links.column)
        for contact_id, linked_id in rows.values_list("contact", links.column):
            found[contact_id][path].append(linked_id)
    return found


def answering_pair(*, actor: Actor, survivor_id: int, loser_id: int) -> Pair:
    """Lock the contacts that answer for two ids, like `locked_pair`.

    Raises also UnprocessableEntity `SameContact` if that is one and the same.
    """
    while True:
        ids = answering_ids([survivor_id, loser_id])
        if ids[survivor_id] == ids[loser_id]:
            # Not to be known of contacts that the actor cannot see.
            if not Contact.objects.visible_to(actor).filter(pk=ids[survivor_id]).exists():
                raise no_such_contact()
            raise UnprocessableEntity(_("These are one and the same contact."), sub_code="SameContact")
        with suppress(_MergedMeanwhileError), transaction.atomic():
            # Not in a savepoint of its own: once that is released, those who wait for its locks wait for all of this.
            pair = _locked_pair(actor, ids[survivor_id], ids[loser_id])
            if pair.survivor.merged_into_id is not None or pair.loser.merged_into_id is not None:
                raise _MergedMeanwhileError
            return pair


def pair_of_request(*, kind: str, actor: Actor, survivor_id: int) -> Pair | None:
    """Lock the two contacts of the survivor's open request; None if there is none any more."""
    other = other_subjects(kind, [survivor_id]).get(survivor_id)
    return None if other is None else locked_pair(actor=actor, survivor_id=survivor_id, loser_id=other)


def other_subjects(kind: str, survivor_ids: Collection[int]) -> dict[int, int]:
    """Return the other contact of the open request of each survivor that has one. Runs one query."""
    others: Any = RequestSubject.objects.filter(
        kind=kind, is_open=True, request__kind=kind, request__subject_id__in=survivor_ids
    ).order_by()
    return {
        survivor_id: subject_id
        for survivor_id, subject_id in others.values_list("request__subject_id", "subject_id")
        if subject_id != survivor_id
    }


def merge_of(pair: Pair) -> Merge:
    """Return the merge that the loser was merged by.

    Raises UnprocessableEntity `NotMerged` if it is not merged, or into another contact that was merged itself.
    """
    merge = Merge.objects.filter(loser=pair.loser, undone_by=None).first()
    if merge is None or pair.loser.merged_into_id != pair.survivor.pk:
        raise UnprocessableEntity(_("The contact is not merged into this one."), sub_code="NotMerged")
    if merge.survivor_id != pair.survivor.pk:
        raise UnprocessableEntity(
            _("It was merged into contact %(id)s: undo the merge of that one first.") % {"id": merge.survivor_id},
            sub_code="NotMerged",
        )
    return merge
