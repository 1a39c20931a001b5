"""What a service does with changes that may have to wait: ask the policy, and open a request if it says so."""

from collections.abc import Sequence
from typing import Any

from accounts.actor import Actor
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest
from changerequests.policies import NOTHING_REQUIRED, Requirement
from changerequests.queries.policies import current_policy, initiator_of, may_wait
from changerequests.services.opening import open_request
from core.documents import Change


def requirement_of(*, kind: str, subject: Any, changes: Sequence[Change], actor: Actor) -> Requirement:
    """Return what the actor's changes would have to wait for. Reads the policy once."""
    policy = current_policy(kind)
    if not changes or not may_wait(actor, policy):
        return NOTHING_REQUIRED
    return request_kind(kind).requirement(
        subject=subject,
        paths=[change.path for change in changes],
        policy=policy,
        initiator=initiator_of(actor, policy),
    )


def request_if_required(
    *,
    kind: str,
    subject_id: int,
    subject: Any,
    changes: Sequence[Change],
    actor: Actor,
    comment: str | None = None,
) -> ChangeRequest | None:
    """Open a request if the kind's policy makes these changes wait; return it, or None if they take effect at once.

    `subject` is what `RequestKind.lock` returns. Call it with the subject locked, in the transaction that would make
    the changes. Reads the policy once. Raises UnprocessableEntity `PendingChangeRequestExists`.
    """
    requirement = requirement_of(kind=kind, subject=subject, changes=changes, actor=actor)
    if not requirement:
        return None
    return open_request(
        kind=kind,
        changes={subject_id: changes},
        actor=actor,
        requirement=requirement,
        comment=comment,
        about_member_id=request_kind(kind).about_member(subject, changes),
    )
