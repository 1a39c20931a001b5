"""The doors beside the policies: what one person can still change alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import ClientApplication, Member
from administration.applications import FOR_ITSELF
from changerequests.kinds import all_kinds
from changerequests.policies import KindPolicy, Rule, kind_policy
from changerequests.queries.policies import policies_now
from operations.doors import inventory
from operations.doors.declarations import ADMIN_PAGES, COMMANDS, OPERATIONS, TASKS, Door

PROFILES = ("standard", "strict")
WRITING_SCOPES = frozenset(
    {"contacts.write", "schemas.write", "groups.write", "legal-entities.write", "imports", "anonymize", "webhooks"}
)
WAYS = (
    ("API", OPERATIONS, inventory.operations),
    ("Admin", ADMIN_PAGES, inventory.admin_pages),
    ("Commands", COMMANDS, inventory.commands),
    ("Tasks", TASKS, inventory.tasks),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A door of the code with its declaration; None if there is none."""

    way: str
    name: str
    door: Door | None


def rows() -> Iterator[Row]:
    """Yield every door of the code, way by way, in the order of the declarations."""
    for way, declared, existing in WAYS:
        found = existing()
        for name, door in declared.items():
            if name in found:
                yield Row(way, name, door)
        for name in sorted(found - declared.keys()):
            yield Row(way, name, None)


def doors_that_are_gone() -> list[str]:
    """Return the declared doors that the code does not have."""
    return [name for _way, declared, existing in WAYS for name in declared.keys() - existing()]


def left_to_one_person(policy: KindPolicy) -> str:
    """Return in words what one member can change of a kind without anybody else: `nothing`, if all of it waits."""
    passes = []
    left = "what no rule names" if policy.rules else "all"
    for number, rule in enumerate(policy.rules, 1):
        if rule.application_ids is not None:
            continue
        if not rule.stages:
            passes.append(f"what rule {number} lets pass")
        if _is_for_everything(rule):
            if rule.is_flagged_only:
                left = "what is not flagged"
            elif rule.min_rows is not None:
                left = f"fewer than {rule.min_rows:,} rows"
            else:
                break
    else:
        passes.append(left)
    return ", ".join(passes) or "nothing"


def _is_for_everything(rule: Rule) -> bool:
    conditions = (rule.paths, rule.contact_types, rule.participant_ids, rule.initiator_group_ids)
    return all(condition is None for condition in conditions)


def left_by_kind() -> Mapping[str, str]:
    """Return what the present policies leave to one person, by kind. Runs one query."""
    document, version = policies_now()
    return {key: left_to_one_person(kind_policy(policy, version=version)) for key, policy in document.items()}


def left_by_profile() -> Mapping[str, Mapping[str, str]]:
    """Return what each of the shipped profiles leaves to one person, by kind."""
    return {
        profile: {kind.key: left_to_one_person(kind_policy(kind.profiles[profile], version=0)) for kind in all_kinds()}
        for profile in PROFILES
    }


def applications() -> list[dict[str, Any]]:
    """Return each application that may write for itself: what it changes alone, for what it waits, who holds its keys.

    It waits for the kinds whose policy names it. Those that act for people change what these may.
    """
    document, version = policies_now()
    policies = {key: kind_policy(policy, version=version) for key, policy in document.items()}
    members = dict(Member.objects.values_list("pk", "user__username"))
    found = []
    for application in ClientApplication.objects.filter(authorization_grant_type=FOR_ITSELF).order_by("name"):
        scopes = sorted(WRITING_SCOPES & set(application.allowed_scopes.split()))
        if scopes:
            waits = [key for key, policy in policies.items() if policy.concerns_application(application.pk)]
            holders = sorted(members[pk] for pk in application.secret_holders)
            owner = members.get(application.owner_id or 0)
            keys = {"owner": owner, "keyHolders": holders}
            found.append({"name": application.name, "scopes": scopes, "waitsFor": waits, **keys})
    return found
