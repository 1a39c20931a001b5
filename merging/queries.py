"""Reading two contacts as the document that a merge changes, without locks."""

from collections.abc import Mapping
from typing import Any

from contactgroups.models import GroupMembership
from contacts.models import Contact
from contacts.services.access import LINKS
from merging.documents import DETAILS, GROUPS, LOSER, MERGED_INTO
from merging.pairs import links_of, state_of


def documents_of_pairs(survivors: Mapping[int, Contact], losers: Mapping[int, int]) -> dict[int, dict[str, Any]]:
    """Return the documents of survivors by id, with the other contact of those that `losers` has one of.

    Runs four queries if there are any.
    """
    if not losers:
        return {pk: {DETAILS: survivor.details} for pk, survivor in survivors.items()}
    others = Contact.objects.in_bulk(list(losers.values()))
    belongings = belongings_of([*survivors, *others])
    found: dict[int, dict[str, Any]] = {}
    for pk, survivor in survivors.items():
        found[pk] = {DETAILS: survivor.details, **belongings[pk]}
        if pk in losers:
            found[pk][LOSER] = _state(others[losers[pk]], belongings)
    return found


def belongings_of(contact_ids: list[int]) -> dict[int, dict[str, Any]]:
    """Return the ids of the participants, members and groups of contacts. Runs three queries."""
    found: dict[int, dict[str, Any]] = {
        pk: {**{path: links[path] for path in LINKS}, GROUPS: {}} for pk, links in links_of(contact_ids).items()
    }
    memberships = GroupMembership.objects.filter(contact__in=contact_ids).order_by("group")
    for contact_id, group_id, policy in memberships.values_list("contact", "group", "access_policy"):
        found[contact_id][GROUPS][str(group_id)] = policy
    return found


def _state(loser: Contact, belongings: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    if loser.merged_into_id is not None:
        return {"id": loser.pk, MERGED_INTO: loser.merged_into_id}
    return state_of(loser, belongings[loser.pk])
