"""Changing the policies, which is itself a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.permissions import check_member_permission
from changerequests.models import ChangeRequest, PolicyVersion
from changerequests.models.policies import PolicyGroup
from changerequests.permissions import POLICY_PERMISSION
from changerequests.policies import Facts, group_ids
from changerequests.policy_documents import policy_faults
from changerequests.queries.policies import current_policy, initiator_of, policies_now
from changerequests.services.opening import open_request
from core.documents import Change, changes_between, with_values
from core.errors import UnprocessableEntity
from core.text import in_one_form

POLICY_KIND = "policy"
# The policies of all kinds are one subject: a request can change those of several kinds.
POLICIES = 1


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of all kinds, locked until the transaction ends."""

    document: Mapping[str, Any]
    version: int


def locked_policies() -> Policies:
    """Lock and return the current policies."""
    with connection.cursor() as cursor:
        # There may be no row to lock: a new installation has no version yet.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('changerequests_policyversion', 0))")
    return Policies(*policies_now())


@transaction.atomic
def request_policies(*, actor: Actor, document: Mapping[str, Any], comment: str | None = None) -> ChangeRequest | None:
    """Ask for these policies instead of the current ones; kinds that the document does not name keep theirs.

    Returns the request, or None if nothing would change. Locks the policies. Raises Forbidden for a member without the
    permission; UnprocessableEntity `ValidationFailed`, `PendingChangeRequestExists`.
    """
    if actor.is_member:
        check_member_permission(actor, POLICY_PERMISSION)
    current = locked_policies()
    changes = planned_changes(current, document)
    if not changes:
        return None
    policy = current_policy(POLICY_KIND)
    requirement = policy.requirement(
        [change.path for change in changes], flagged=(), facts=Facts(initiator=initiator_of(actor, policy))
    )
    return open_request(
        kind=POLICY_KIND,
        changes={POLICIES: changes},
        actor=actor,
        requirement=requirement,
        comment=comment,
    )


def planned_changes(current: Policies, document: Mapping[str, Any]) -> Sequence[Change]:
    """Return the changes to these policies. Raises UnprocessableEntity `ValidationFailed` with the faults by place."""
    document = in_one_form(document)
    faults = policy_faults(document)
    if faults:
        raise UnprocessableEntity(_("These policies are not valid."), sub_code="ValidationFailed", properties=faults)
    return changes_between(current.document, {**current.document, **document})


def write_policies(*, current: Policies, changes: Sequence[Change]) -> PolicyVersion:
    """Write a new version of the locked policies. Raises UnprocessableEntity `ValidationFailed`."""
    document = with_values(current.document, {change.path: change.target for change in changes})
    planned_changes(current, document)
    version = PolicyVersion.objects.create(number=current.version + 1, document=document)
    PolicyGroup.objects.bulk_create(
        PolicyGroup(version=version, group_id=group_id) for group_id in sorted(group_ids(document.values()))
    )
    return version
