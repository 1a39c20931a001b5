"""What a merge and its end change, as a document with paths. Pure. docs/merging.md has the rules.

    {"details": {...}, "participants": [1, 2], "members": [4], "groups": {"7": 3}, "losingContact": {...}}

All of it is the survivor's, but for `losingContact`: the state of the other contact, whose version stands for its
details. While that is merged, its state is the id of the contact that answers for it. So a request is outdated once
either contact has changed in what it is about.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from contacts.services.access import LINKS
from core.documents import Change, Document, changes_between, is_same, value_at, with_values

DETAILS, GROUPS, LOSER, CONFLICTS = "details", "groups", "losingContact", "conflicts"
MERGED_INTO = "mergedIntoId"
MERGED_CONTACTS = "mergedContacts"
_PREFIX = f"{DETAILS}."


def group_path(group_id: int | str) -> str:
    return f"{GROUPS}.{group_id}"


def in_details(path: str) -> str | None:
    """Return the path in the details that a path of the document is; None for another part of it."""
    return path.removeprefix(_PREFIX) if path.startswith(_PREFIX) else None


def with_prefix(changes: Iterable[Change]) -> list[Change]:
    """Return changes of details as changes of the document."""
    return [Change(f"{_PREFIX}{change.path}", change.original, change.target) for change in changes]


def details_changes(changes: Iterable[Change]) -> list[Change]:
    """Return the changes of the document that are about details, by their paths there."""
    return [
        Change(path, change.original, change.target)
        for change in changes
        if (path := in_details(change.path)) is not None
    ]


def link_changes(changes: Iterable[Change]) -> list[Change]:
    """Return the changes of participants and members."""
    return [change for change in changes if change.path in LINKS]


def policies_by_group(changes: Iterable[Change]) -> dict[int, int | None]:
    """Return the access policy that the survivor gets in each group that changes; None where it leaves the group."""
    prefix = f"{GROUPS}."
    return {
        int(change.path.removeprefix(prefix)): change.target for change in changes if change.path.startswith(prefix)
    }


def completed(survivor: Document, loser: Document) -> Document:
    """Return the survivor's details with the other contact's values where it has none."""
    missing = {change.path: change.target for change in changes_between(survivor, loser) if change.original is None}
    return with_values(survivor, missing)


def invented(survivor: Document, loser: Document, chosen: Document) -> list[Change]:
    """Return the changes of the survivor's details to values that neither contact has.

    Items of both arrays, in whatever order, are a value that both have.
    """
    return [
        change
        for change in changes_between(survivor, chosen)
        if not is_same(change.target, value_at(loser, change.path))
        and not _is_united(change, value_at(loser, change.path))
    ]


def _is_united(change: Change, other: Any) -> bool:
    if not isinstance(change.target, list):
        return False
    known = [*(change.original or ()), *(other if isinstance(other, list) else ())]
    return all(any(is_same(item, one) for one in known) for item in change.target)


def merge_changes(
    *, details: Sequence[Change], survivor: Mapping[str, Any], loser: Mapping[str, Any], survivor_id: int
) -> list[Change]:
    """Return what a merge changes. `survivor` is the document; `loser` the state of the other contact.

    The survivor gets the participants, the members and the groups of both; in a group of both it keeps its policy.
    """
    links = [
        Change(path, survivor[path], united)
        for path in LINKS
        if (united := sorted({*survivor[path], *loser[path]})) != survivor[path]
    ]
    groups = [
        Change(group_path(group_id), None, policy)
        for group_id, policy in loser[GROUPS].items()
        if group_id not in survivor[GROUPS]
    ]
    merged = Change(LOSER, loser, {"id": loser["id"], MERGED_INTO: survivor_id})
    return [*with_prefix(details), *links, *groups, merged]


def three_way(before: Document, after: Document, now: Document) -> tuple[Document, list[Change]]:
    """Return the details without what led from `before` to `after`, and the conflicts.

    What was changed since then is changed again. It is a conflict where the merge had changed the same place: then the
    later value stays. A conflict has the value before the merge as its original one, and the later one as its target.
    """
    merged = changes_between(before, after)
    later = changes_between(after, now)
    conflicts = [
        Change(change.path, value_at(before, change.path), change.target)
        for change in later
        if any(_meet(change.path, other.path) for other in merged)
    ]
    return with_values(before, {change.path: change.target for change in later}), conflicts


def _meet(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def unmerge_changes(
    *,
    details: Sequence[Change],
    conflicts: Sequence[Change],
    survivor: Mapping[str, Any],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    merged: Mapping[str, Any],
    loser: Mapping[str, Any],
) -> list[Change]:
    """Return what the end of a merge changes.

    `survivor` is the document, `merged` the state of the other contact now and `loser` the one that it gets back.
    `before` and `after` are the survivor's links and groups around the merge: what the merge added goes, what was
    changed since then stays. A conflict is a change to the value that is there, so that another value outdates it.
    """
    links = [
        Change(path, survivor[path], kept)
        for path in LINKS
        if (kept := sorted({*survivor[path]} - ({*after[path]} - {*before[path]}))) != survivor[path]
    ]
    groups = [
        Change(group_path(group_id), survivor[GROUPS][group_id], None)
        for group_id in after[GROUPS]
        if group_id not in before[GROUPS] and group_id in survivor[GROUPS]
    ]
    unchanged = [Change(change.path, change.target, change.target) for change in conflicts]
    said = [Change(CONFLICTS, None, [change.as_json() for change in conflicts])] if conflicts else []
    return [
        *with_prefix([*details, *unchanged]),
        *links,
        *groups,
        *said,
        Change(LOSER, merged, loser),
    ]
