"""Policies for tests, written at once."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from accounts.models import Member
from changerequests.kinds import all_kinds
from changerequests.models import Absence
from changerequests.services.policies import locked_policies, planned_changes, write_policies
from contacts.models import CONTACT_DETAILS


def stage(
    name: str = "Review",
    *,
    group: Group | None = None,
    approvals: int = 1,
    hours: int | None = None,
    **optional: Any,
) -> dict[str, Any]:
    group_id = None if group is None else group.pk
    return {"name": name, "group": group_id, "approvals": approvals, "hours": hours, **optional}


def rule(*stages: str, **conditions: Any) -> dict[str, Any]:
    """Return a rule; a condition that is not given always holds."""
    free = dict.fromkeys(("paths", "contactTypes", "participants", "initiatorGroups", "applications"))
    return {"stages": list(stages), "flaggedOnly": False, **free, **conditions}


def policy(
    stages: Iterable[dict[str, Any]], rules: Iterable[dict[str, Any]], *, is_digest_required: bool = False
) -> dict[str, Any]:
    return {"stages": list(stages), "rules": list(rules), "isDigestRequired": is_digest_required}


@transaction.atomic
def set_policy(document: dict[str, Any], *, kind: str = CONTACT_DETAILS) -> None:
    """Give the kind this policy, which takes effect at once."""
    current = locked_policies()
    write_policies(current=current, changes=planned_changes(current, {kind: document}))


@transaction.atomic
def use_profile(profile: str) -> None:
    """Give every kind its policy of a profile, which takes effect at once."""
    current = locked_policies()
    changes = planned_changes(current, {kind.key: kind.profiles[profile] for kind in all_kinds()})
    if changes:
        write_policies(current=current, changes=changes)


def make_group(name: str, *members: Member) -> Group:
    """Create a group of the members' users, without permissions."""
    group = Group.objects.create(name=name)
    for member in members:
        member.user.groups.add(group)
    return group


def absent(member: Member, substitute: Member, *, begins: int = 0, ends: int = 0) -> Absence:
    """Record an absence that begins and ends so many days from today."""
    today = timezone.now().date()
    return Absence.objects.create(
        member=member,
        substitute=substitute,
        starts_on=today + timedelta(days=begins),
        ends_on=today + timedelta(days=ends),
    )
