"""What is erased of groups when contacts are anonymized."""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, Q

from accounts.actor import system_actor
from audit import entries
from audit.models import Entry
from changerequests.models import Proposal, RequestSubject
from changerequests.services.erasure import erase_requests
from contactgroups.documents import TEXTS, contacts_at, member_path
from contactgroups.models import CONTACT_GROUP, ContactGroup, GroupMembership
from contacts.models import Contact
from core.documents import Change

ERASED = {path: column for path, column in TEXTS.items() if column != "external_id"}


def erase_groups(contact_ids: Sequence[int]) -> None:
    """Anonymization handler: erase the texts of groups that have only anonymized contacts left.

    These texts may name the person. While a group has other contacts they stay, and go when the last of these is
    anonymized: from the group, from the requests about it, of which the open one is cancelled, and from the ledger.
    External ids stay in the group: they are another system's key of it, not of a person. Where a group was deleted, or
    never created, the contacts of the request that is still open count.

    Locks the contacts' groups by id, so that of two members anonymized concurrently, the second sees that it is the
    last.
    """
    ids = _groups_of(contact_ids)
    groups = ContactGroup.objects.filter(pk__in=ids).order_by("pk")
    present = set(groups.select_for_update().values_list("pk", flat=True))
    known = GroupMembership.objects.filter(group=OuterRef("pk"), contact__anonymized_at__isnull=True)
    nobodys = groups.filter(~Exists(known), pk__in=present)
    named = nobodys.exclude(**dict.fromkeys(ERASED.values()))
    wiped = {pk: [Change(path, None, None) for path in ERASED] for pk in named.values_list("pk", flat=True)}
    gone = {*nobodys.values_list("pk", flat=True), *_without_others(ids - present)}
    nobodys.update(**dict.fromkeys(ERASED.values()))
    entries.erase(kind=CONTACT_GROUP, subject_ids=sorted(gone))
    erase_requests(CONTACT_GROUP, sorted(gone))
    entries.append_all(kind=CONTACT_GROUP, actor=system_actor("anonymization"), changes=wiped)


def _groups_of(contact_ids: Sequence[int]) -> set[int]:
    """Return the groups that have these contacts, had them, or would have them."""
    paths = [member_path(contact_id) for contact_id in contact_ids]
    memberships = GroupMembership.objects.filter(contact__in=contact_ids)
    # The paths of a request are those of all its groups.
    proposals = Proposal.objects.filter(subject__kind=CONTACT_GROUP, revision__request__paths__overlap=paths)
    proposed = proposals.order_by().values_list("subject__subject_id", "changes").iterator()
    history = Entry.objects.filter(kind=CONTACT_GROUP, paths__overlap=paths)
    return {
        *memberships.values_list("group", flat=True),
        *(
            pk
            for pk, changes in proposed
            if not contacts_at(change["path"] for change in changes).isdisjoint(contact_ids)
        ),
        *history.values_list("subject_id", flat=True),
    }


def _without_others(group_ids: set[int]) -> set[int]:
    """Return those groups, none of which exists, for which no open request names a contact that is not anonymized."""
    requests = RequestSubject.objects.filter(kind=CONTACT_GROUP, subject_id__in=group_ids, is_open=True)
    named = {pk: contacts_at(paths) for pk, paths in requests.values_list("subject_id", "request__paths")}
    contacts = Contact.objects.filter(Q(pk__in=set().union(*named.values())), anonymized_at=None)
    known = set(contacts.values_list("pk", flat=True))
    return {pk for pk in group_ids if known.isdisjoint(named.get(pk, ()))}
