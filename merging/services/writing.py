"""Writing a merge and its end: the only place that does, whether they were approved or take effect at once.

Whatever they change of details, access and groups has an entry of its kind, which names who asked for it. The entries
of the merge itself, one of each contact, name the request.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from accounts.actor import Actor
from accounts.ends import end_closed_logins
from accounts.models import User
from audit import entries
from changerequests.models import ChangeRequest
from changerequests.services.submitting import approved_by
from contactgroups.documents import MEMBERS as GROUP_MEMBERS
from contactgroups.documents import member_path
from contactgroups.services.writing import check_policies, write_group
from contacts.models import CONTACT_IDENTITY, MERGE, UNMERGE, ChannelKind, Contact, Merge
from contacts.plans import ChangePlan
from contacts.services.access import LINKS, write_access
from contacts.services.changes import CONTACTS
from contacts.services.channels import drop_pending
from contacts.services.identity import USERNAME
from contacts.services.usernames import check_username_free, unique_username
from core.documents import Change, is_same
from matching.models import MatchingKeys
from matching.pairs import forget_open_pairs
from merging.documents import GROUPS, LOSER, MERGED_CONTACTS, MERGED_INTO, link_changes, policies_by_group
from merging.pairs import Pair

# What a merge did to the merged contact, which its end takes back.
CLOSED_LOGIN, GAVE_USERNAME = "closedLogin", "gaveUsername"


def write_merge(
    *,
    actor: Actor,
    pair: Pair,
    plan: ChangePlan,
    changes: Sequence[Change],
    comment: str | None = None,
    request: ChangeRequest | None = None,
) -> None:
    """Merge the locked pair by the plan of the survivor's details and the changes of the document.

    Raises UnprocessableEntity `UsernameNotUnique`, `UnknownAccessPolicies`, `ValidationFailed`.
    """
    survivor, loser = pair.survivor, pair.loser
    writer = _Writer(actor, pair, comment, request)
    before = {"survivor": pair.belongings(survivor), "loser": pair.belongings(loser)}
    version = survivor.version
    drop_pending(contact=loser, kinds=ChannelKind.values)
    drop_pending(contact=survivor, kinds=plan.settled_channels)
    gave_username = pair.gives_username(plan.username_to_write)
    if gave_username:
        writer.rename(loser, None)
    writer.details(plan)
    united = link_changes(changes)
    writer.access(survivor, united)
    writer.access(loser, _like(pair, united))
    writer.join_groups(policies_by_group(changes))
    known = sorted(survivor.merged_contacts.values_list("pk", flat=True))
    earlier = list(loser.merged_contacts.values_list("pk", flat=True))
    Contact.objects.filter(pk__in=[loser.pk, *earlier]).update(merged_into=survivor)
    MatchingKeys.objects.filter(contact=loser).delete()
    forget_open_pairs([loser.pk])
    has_closed = _close_login(loser)
    merged = [Change(MERGED_CONTACTS, known, sorted([*known, loser.pk, *earlier]))]
    writer.record(MERGE, survivor, merged)
    entry_id = writer.record(MERGE, loser, [Change(MERGED_INTO, None, survivor.pk)])
    after = {path: _after(before["survivor"], changes, path) for path in (*LINKS, GROUPS)}
    Merge.objects.create(
        survivor=survivor,
        loser=loser,
        made_by_id=entry_id,
        version_before=version,
        version_after=survivor.version,
        before={**before, CLOSED_LOGIN: has_closed, GAVE_USERNAME: gave_username},
        after=after,
    )


def write_unmerge(
    *,
    actor: Actor,
    pair: Pair,
    merge: Merge,
    plans: Sequence[ChangePlan],
    changes: Sequence[Change],
    comment: str | None = None,
    request: ChangeRequest | None = None,
) -> None:
    """Separate the locked pair: `plans` lead the survivor's details back, and then to what was changed since then.

    Raises UnprocessableEntity `UsernameNotUnique`, `UnknownAccessPolicies`, `ValidationFailed`.
    """
    survivor, loser = pair.survivor, pair.loser
    writer = _Writer(actor, pair, comment, request)
    (state,) = [change.target for change in changes if change.path == LOSER]
    known = sorted(survivor.merged_contacts.values_list("pk", flat=True))
    own = _merged_below(loser.pk)
    Contact.objects.filter(pk=loser.pk).update(merged_into=None)
    Contact.objects.filter(pk__in=own).update(merged_into=loser)
    loser.merged_into = None
    for plan in plans:
        writer.details(plan)
    writer.access(survivor, link_changes(changes))
    writer.access(loser, _changes_to(pair, state))
    writer.separate_groups(policies_by_group(changes), {int(pk): policy for pk, policy in state[GROUPS].items()})
    if state[USERNAME] != loser.username:
        check_username_free(state[USERNAME], but_by=loser)
        writer.rename(loser, state[USERNAME])
    MatchingKeys.objects.bulk_create([MatchingKeys(contact=loser)], ignore_conflicts=True)
    if merge.before[CLOSED_LOGIN]:
        User.objects.filter(contact=loser).update(is_active=True)
    left = sorted({*known} - {loser.pk, *own})
    writer.record(UNMERGE, survivor, [Change(MERGED_CONTACTS, known, left)])
    merge.undone_by_id = writer.record(UNMERGE, loser, [Change(MERGED_INTO, survivor.pk, None)])
    merge.save(update_fields=["undone_by"])


def forget_keys_of_merged(contact_ids: Sequence[int]) -> None:
    """Anonymization handler: what was merged is compared with nobody, whatever was written to it."""
    MatchingKeys.objects.filter(contact__in=contact_ids, contact__merged_into__isnull=False).delete()


class _Writer:
    """Writes parts of one merge, each with its entry."""

    def __init__(self, actor: Actor, pair: Pair, comment: str | None, request: ChangeRequest | None) -> None:
        self._actor, self._pair = actor, pair
        self._initiator = None if request is None else request.initiator_columns
        self._approval = {"comment": comment, **approved_by(request)}

    def record(self, kind: str, contact: Contact, changes: Sequence[Change]) -> int:
        """Write the entry of a contact that names the request; return its id."""
        return entries.append(kind=kind, subject_id=contact.pk, actor=self._actor, changes=changes, **self._approval)

    def details(self, plan: ChangePlan) -> None:
        """Write a plan of the survivor's details, whose snapshot has its present version, if anything changes."""
        if not plan.to_write:
            return
        with unique_username():
            CONTACTS.update(plan, initiator=self._initiator)
        survivor = self._pair.survivor
        survivor.version, survivor.details = plan.snapshot.version + 1, plan.document

    def rename(self, contact: Contact, username: str | None) -> None:
        change = Change(USERNAME, contact.username, username)
        contact.username = username
        with unique_username():
            contact.save(update_fields=["username"])
        entries.append(
            kind=CONTACT_IDENTITY,
            subject_id=contact.pk,
            actor=self._actor,
            changes=[change],
            initiator=self._initiator,
        )

    def access(self, contact: Contact, changes: Sequence[Change]) -> None:
        if changes:
            write_access(
                actor=self._actor, subject=self._pair.access(contact), changes=changes, initiator=self._initiator
            )

    def join_groups(self, policies: Mapping[int, int | None]) -> None:
        """Have the survivor take the place of the other contact in its groups."""
        loser = str(self._pair.loser.pk)
        for group_id, group in self._pair.groups.items():
            present: Mapping[str, int] = group.document.get(GROUP_MEMBERS, {})
            wanted: dict[int, int | None] = {int(loser): None} if loser in present else {}
            if group_id in policies:
                wanted[self._pair.survivor.pk] = policies[group_id]
            self._write_members(group_id, wanted)

    def separate_groups(self, survivors: Mapping[int, int | None], losers: Mapping[int, int | None]) -> None:
        """Give both contacts these access policies in groups; None takes a contact out."""
        for group_id in self._pair.groups:
            wanted = {}
            if group_id in survivors:
                wanted[self._pair.survivor.pk] = survivors[group_id]
            if group_id in losers:
                wanted[self._pair.loser.pk] = losers[group_id]
            self._write_members(group_id, wanted)

    def _write_members(self, group_id: int, wanted: Mapping[int, int | None]) -> None:
        group = self._pair.groups[group_id]
        present: Mapping[str, int] = group.document.get(GROUP_MEMBERS, {})
        changes = [
            Change(member_path(contact_id), original, policy)
            for contact_id, policy in wanted.items()
            if not is_same(original := present.get(str(contact_id)), policy)
        ]
        if changes:
            check_policies({change.path: change.target for change in changes if change.target is not None})
            write_group(actor=self._actor, locked=group, changes=changes, initiator=self._initiator)


def _like(pair: Pair, changes: Sequence[Change]) -> list[Change]:
    """Return the changes by which the loser gets the links that the survivor has after these changes."""
    after = {**pair.links[pair.survivor.pk], **{change.path: change.target for change in changes}}
    return _changes_to(pair, after)


def _changes_to(pair: Pair, links: Mapping[str, Any]) -> list[Change]:
    """Return the changes by which the loser gets these participants and members."""
    now = pair.links[pair.loser.pk]
    return [Change(path, now[path], links[path]) for path in LINKS if now[path] != links[path]]


def _after(before: Mapping[str, Any], changes: Sequence[Change], path: str) -> Any:
    """Return the survivor's links or groups after the changes."""
    if path != GROUPS:
        return next((change.target for change in changes if change.path == path), before[path])
    return {**before[GROUPS], **{str(pk): policy for pk, policy in policies_by_group(changes).items()}}


def _close_login(contact: Contact) -> bool:
    """Close the login of a merged contact; return whether it had one that was open."""
    if contact.user_id is None:
        return False
    closed = User.objects.filter(pk=contact.user_id, is_active=True).update(is_active=False)
    if closed:
        end_closed_logins([contact.user_id])
    return bool(closed)


def _merged_below(contact_id: int) -> list[int]:
    """Return the contacts that were merged into one, directly or not, by merges that are not undone."""
    found: list[int] = []
    above = [contact_id]
    while above:
        merges = Merge.objects.filter(survivor__in=above, undone_by=None)
        above = list(merges.values_list("loser", flat=True))
        found += above
    return found
