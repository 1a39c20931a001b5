"""What a service does with changes that may have to wait: ask the policy, and open a request if it says so."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from accounts.actor import Actor
from changerequests.kinds import RequestKind, request_kind
from changerequests.models import ChangeRequest
from changerequests.policies import NOTHING_REQUIRED, KindPolicy, Requirement
from changerequests.queries.policies import current_policy, initiator_of, may_wait
from changerequests.services.opening import NOBODY, Changes, Concerned, open_request
from core.documents import Change


def requirement_of(
    *, kind: str, subject: Any, changes: Sequence[Change], actor: Actor, policy: KindPolicy | None = None
) -> Requirement:
    """Return what the actor's changes of one subject would have to wait for. Reads the policy once, unless given."""
    return _required_by_all(kind, {0: subject}, {0: changes} if changes else {}, actor, policy)


def request_if_required(
    *,
    kind: str,
    subject_id: int,
    subject: Any,
    changes: Sequence[Change],
    actor: Actor,
    comment: str | None = None,
    beside: Collection[int] = (),
) -> ChangeRequest | None:
    """Open a request if the kind's policy makes these changes wait; return it, or None if they take effect at once.

    `beside` are the ids of subjects without changes of their own that the changes are about too. `subject` is what
    `RequestKind.lock` returns. Call it with the subject locked, in the transaction that would make the changes. Reads
    the policy once. Raises UnprocessableEntity `PendingChangeRequestExists`.
    """
    changes_of_one = {subject_id: changes} if changes else {}
    return request_of_many_if_required(
        kind=kind,
        subjects={subject_id: subject},
        changes=changes_of_one,
        actor=actor,
        comment=comment,
        beside=beside,
    )


def request_of_many_if_required(
    *,
    kind: str,
    subjects: Mapping[int, Any],
    changes: Changes,
    actor: Actor,
    comment: str | None = None,
    beside: Collection[int] = (),
) -> ChangeRequest | None:
    """Like `request_if_required`, for changes of several subjects in one submission: if one has to wait, all do."""
    requirement = _required_by_all(kind, subjects, changes, actor)
    if not requirement:
        return None
    return open_request(
        kind=kind,
        changes=changes,
        actor=actor,
        requirement=requirement,
        comment=comment,
        concerned=_concerned(kind, subjects, changes),
        beside=beside,
    )


def _concerned(kind: str, subjects: Mapping[int, Any], changes: Changes) -> Concerned:
    """Return whom a request concerns; a request about several subjects concerns nobody in particular."""
    if len(changes) > 1:
        return NOBODY
    ((subject_id, found),) = changes.items()
    return concerned_by(request_kind(kind), subjects[subject_id], found)


def concerned_by(kind: RequestKind, subject: Any, changes: Sequence[Change]) -> Concerned:
    return Concerned(kind.about_member(subject, changes), kind.excluded_members(subject))


def _required_by_all(
    kind: str, subjects: Mapping[int, Any], changes: Changes, actor: Actor, known: KindPolicy | None = None
) -> Requirement:
    """Return the stages that any subject needs, in the order of the policy, and the paths that require one."""
    policy = known or current_policy(kind)
    if not changes or not may_wait(actor, policy):
        return NOTHING_REQUIRED
    initiator = initiator_of(actor, policy)
    needed = [
        request_kind(kind).requirement(
            subject=subjects[subject_id],
            paths=[change.path for change in found],
            policy=policy,
            initiator=initiator,
        )
        for subject_id, found in changes.items()
    ]
    stages = {stage for requirement in needed for stage in requirement.stages}
    paths = frozenset(path for requirement in needed for path in requirement.paths)
    return Requirement(policy.in_order(stages), paths, policy.version)


def approved_by(request: ChangeRequest | None) -> dict[str, Any]:
    """Return the arguments with which `audit.entries.append` records an approved change, none for a direct one."""
    if request is None:
        return {}
    return {
        "comment": request.initiator_comment,
        "initiator": request.initiator_columns,
        "change_request_id": request.pk,
    }
