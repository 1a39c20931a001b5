"""Reading the current policies, with an in-process cache: a version never changes."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Subquery

from accounts.actor import Actor
from accounts.models import Member
from changerequests.kinds import all_kinds, request_kind
from changerequests.models import PolicyVersion
from changerequests.policies import Initiator, KindPolicy, kind_policy

STANDARD = "standard"


def latest_version() -> QuerySet[PolicyVersion]:
    return PolicyVersion.objects.order_by("-number")[:1]


def policy_column() -> Subquery:
    """Return the annotation for `policy_from_column`: the uid of the latest version, null while there is none."""
    return Subquery(latest_version().values("uid"))


def current_policy(kind: str) -> KindPolicy:
    """Return the current policy of a kind. Runs one query."""
    return policy_from_column(kind, latest_version().values_list("uid", flat=True).first())


def policy_from_column(kind: str, uid: UUID | None) -> KindPolicy:
    """Return a kind's policy in a version, the shipped one for None. Runs a query if the version is new here."""
    number, document = (0, {}) if uid is None else _version(uid)
    return _policy(kind, number, uid, document)


@lru_cache(maxsize=16)
def _version(uid: UUID) -> tuple[int, Any]:
    number, document = PolicyVersion.objects.values_list("number", "document").get(uid=uid)
    return number, document


_policies: dict[tuple[str, UUID | None], KindPolicy] = {}


def _policy(kind: str, number: int, uid: UUID | None, document: Any) -> KindPolicy:
    found = _policies.get((kind, uid))
    if found is None:
        shipped = request_kind(kind).profiles[STANDARD]
        found = _policies[kind, uid] = kind_policy(document.get(kind, shipped), version=number)
    return found


def initiator_of(actor: Actor, policy: KindPolicy) -> Initiator:
    """Return the actor as the policy's rules see it. Runs a query if one of them asks for a member's groups."""
    if actor.member_id is None or not policy.needs_initiator_groups:
        return Initiator(application_id=actor.application_id)
    return Initiator(group_ids=groups_of_member(actor.member_id))


def groups_of_member(member_id: int) -> frozenset[int]:
    """Return the ids of the groups of the member's user."""
    groups = Member.objects.filter(pk=member_id, user__groups__isnull=False).values_list("user__groups", flat=True)
    return frozenset(pk for pk in groups if pk is not None)


def may_wait(actor: Actor, policy: KindPolicy) -> bool:
    """Return whether the actor's submissions can wait at all: those of members and operators, and of applications that
    the policy names.
    """
    if actor.application_id is not None:
        return policy.concerns_application(actor.application_id)
    return actor.is_member or actor.is_operator


def binding_policy(actor: Actor, *, kind: str) -> KindPolicy | None:
    """Return the policy of a kind if something of the actor could wait by its rules.

    Runs one query, none for actors that never wait.
    """
    policy = applicable_policy(actor, kind=kind)
    return policy if policy is not None and policy.rules else None


def applicable_policy(actor: Actor, *, kind: str) -> KindPolicy | None:
    """Return the policy of a kind, also one without rules, unless the actor never waits: some paths always do.

    Runs one query, none for actors that never wait.
    """
    if not _is_bound(actor) or (actor.application_id is not None and not request_kind(kind).binds_applications):
        return None
    policy = current_policy(kind)
    return policy if may_wait(actor, policy) else None


def binding_policies(actor: Actor) -> list[KindPolicy]:
    """Return the policies of all kinds under which something of the actor could wait. Runs at most one query."""
    if not _is_bound(actor):
        return []
    uid = latest_version().values_list("uid", flat=True).first()
    policies = (policy_from_column(kind.key, uid) for kind in all_kinds())
    return [policy for policy in policies if policy.rules and may_wait(actor, policy)]


def _is_bound(actor: Actor) -> bool:
    return actor.application_id is not None or actor.is_member or actor.is_operator


def policies_now() -> tuple[dict[str, Any], int]:
    """Return the current policies of all kinds, shipped ones included, and their version. Runs one query."""
    latest = PolicyVersion.objects.order_by("-number").values_list("document", "number").first()
    document, number = latest or ({}, 0)
    return {kind.key: document.get(kind.key, kind.profiles[STANDARD]) for kind in all_kinds()}, number
