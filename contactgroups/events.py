"""Events about contact groups: received by applications that see one of the contacts that a change is about."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext_lazy as _

from audit.models import Entry
from contactgroups.documents import ID, MEMBERS, contacts_at
from contactgroups.models import CONTACT_GROUP, GroupMembership
from contacts.events import participants_of
from events.kinds import Audience, EventKind

CREATED, CHANGED, DELETED = "contact-group.created", "contact-group.changed", "contact-group.deleted"


class ContactGroupEvents(EventKind):
    key = subject = CONTACT_GROUP
    scope = "groups.read"
    types = {
        CREATED: _("A contact group was created"),
        CHANGED: _("A contact group, its contacts or entities were changed"),
        DELETED: _("A contact group was deleted"),
    }

    def type_of(self, entry: Entry) -> str:
        if ID not in entry.paths:
            return CHANGED
        return CREATED if entry.sequence == 1 else DELETED

    def audiences(self, entries: Sequence[Entry]) -> Mapping[int, Audience]:
        """A change of members only is visible to those who see one of them; others to those who see any member."""
        named = {entry.pk: contacts_at(entry.paths) for entry in entries}
        members = members_of(entry.subject_id for entry in entries if not _is_about_members_only(entry))
        concerned = {
            entry.pk: named[entry.pk] | (set() if _is_about_members_only(entry) else members[entry.subject_id])
            for entry in entries
        }
        participants = participants_of(set().union(*concerned.values()))
        return {
            pk: Audience(sorted(set().union(*(participants.get(contact, ()) for contact in contacts))))
            for pk, contacts in concerned.items()
        }

    def paths_for_participants(self, paths: Sequence[str]) -> Sequence[str]:
        """Members are not named: the application may not see all of them."""
        return list(dict.fromkeys(MEMBERS if path.startswith(f"{MEMBERS}.") else path for path in paths))


def members_of(group_ids: Iterable[int]) -> Mapping[int, set[int]]:
    """Return the ids of the contacts in groups, by the group's id."""
    found: dict[int, set[int]] = defaultdict(set)
    memberships = GroupMembership.objects.filter(group__in=set(group_ids)).order_by()
    for group_id, contact_id in memberships.values_list("group", "contact"):
        found[group_id].add(contact_id)
    return found


def _is_about_members_only(entry: Entry) -> bool:
    return all(path == MEMBERS or path.startswith(f"{MEMBERS}.") for path in entry.paths)
