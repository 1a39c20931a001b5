"""What the initiator does with its open request: amend, rebase, submit again or cancel it.

It may, even if it no longer sees the subject.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest, Notification, Revision, RevisionReason, Status
from changerequests.queries.policies import current_policy, initiator_of
from changerequests.queries.revisions import current_proposals, current_revision
from changerequests.services.checks import check_not_outdated, check_open
from changerequests.services.claims import put_down
from changerequests.services.locks import locked_own_request
from changerequests.services.notifications import notify_initiator
from changerequests.services.opening import Concerned, both, revise, set_concerned, who_act_as
from changerequests.services.submitting import concerned_by
from core.documents import Change
from core.errors import UnprocessableEntity, map_lock_errors


@transaction.atomic
def cancel_change_request(*, actor: Actor, change_request_id: int) -> ChangeRequest:
    """Cancel an open request. Locks the subject, then the request.

    Raises NotFound; Forbidden `NotInitiator`; UnprocessableEntity `ChangeRequestNotPending`.
    """
    _subject, request = locked_own_request(actor, change_request_id)
    check_open(request)
    close_as_cancelled(request)
    return request


def close_as_cancelled(request: ChangeRequest) -> None:
    """Cancel a locked, open request."""
    request.status, request.is_outcome_due = Status.CANCELLED, False
    request.save(update_fields=["status", "is_outcome_due"])
    put_down(request)
    request.subjects.update(is_open=False)
    if request.subject_id is not None:
        request_kind(request.kind).abandoned(request)


def cancel_for_initiator(request: ChangeRequest) -> None:
    """Cancel a locked, open request because its subject goes away, and notify its initiator."""
    close_as_cancelled(request)
    notify_initiator(request=request, event=Notification.Event.CANCELLED)


def cancel_open_request(*, kind: str, subject_id: int) -> None:
    """Cancel the open request about a locked subject alone, if there is one, because the subject goes away."""
    requests = ChangeRequest.objects.of_kind(kind).open().filter(subject_id=subject_id)
    for request in requests.select_for_update().order_by("pk"):
        cancel_for_initiator(request)


@transaction.atomic
def cancel_returned_requests(user_ids: Sequence[int]) -> None:
    """Cancel the requests that were returned to these users, whose logins are closed: nobody else can amend them.

    Locks the requests in the order of their ids; their subjects do not change.
    """
    returned = ChangeRequest.objects.filter(initiator_member__user__in=user_ids, status=Status.RETURNED)
    with map_lock_errors():
        requests = list(returned.select_for_update(of=("self",)).order_by("pk"))
    for request in requests:
        close_as_cancelled(request)


@transaction.atomic
def amend_change_request(
    *, actor: Actor, change_request_id: int, document: Mapping[str, Any], comment: str | None = None
) -> Revision:
    """Ask for something else instead, over today's values: the request gets a new revision that nobody has decided.

    `document` is in the form of the operation that makes direct changes. Locks the subject, then the request. Raises
    NotFound; Forbidden `NotInitiator`; UnprocessableEntity `ChangeRequestNotPending`, `NothingRequested` if nothing
    would change, and those of a submission.
    """
    subject, request = _open_request_about_one(actor, change_request_id)
    changes = request_kind(request.kind).amended(actor=actor, subject=subject, document=document)
    return _revised(
        actor=actor, request=request, subject=subject, changes=changes, reason=RevisionReason.AMENDED, comment=comment
    )


@transaction.atomic
def rebase_change_request(*, actor: Actor, change_request_id: int) -> Revision:
    """Ask for the same targets over today's values: the request gets a new revision that nobody has decided.

    Locks the subject, then the request. Raises NotFound; Forbidden `NotInitiator`; UnprocessableEntity
    `ChangeRequestNotPending`, `NothingRequested` if all values are there already, and those of a submission.
    """
    subject, request = _open_request_about_one(actor, change_request_id)
    changes = repeated_changes(actor=actor, request=request, subject=subject)
    return _revised(
        actor=actor, request=request, subject=subject, changes=changes, reason=RevisionReason.REBASED, comment=None
    )


@transaction.atomic
def resubmit_change_request(*, actor: Actor, change_request_id: int, comment: str | None = None) -> Revision:
    """Submit a returned request again as it is, because a comment or a file was all that it lacked.

    It gets a new revision that nobody has decided. Locks the subject, then the request. Raises NotFound; Forbidden
    `NotInitiator`; UnprocessableEntity `ChangeRequestNotPending`, `NotReturned`, `ChangeRequestOutdated`.
    """
    subject, request = _open_request_about_one(actor, change_request_id)
    if request.status != Status.RETURNED:
        raise UnprocessableEntity(_("Only a returned request is submitted again."), sub_code="NotReturned")
    changes = current_proposals(request).get().proposed
    check_not_outdated(request_kind(request.kind), subject, changes)
    return _revised(
        actor=actor, request=request, subject=subject, changes=changes, reason=RevisionReason.AMENDED, comment=comment
    )


def repeated_changes(*, actor: Actor, request: ChangeRequest, subject: Any) -> Sequence[Change]:
    """Return what a request about one subject asks for, over today's values. The subject must be locked.

    Raises UnprocessableEntity if the kind does not allow it, and the errors of a submission.
    """
    kind = request_kind(request.kind)
    if not kind.is_repeatable or request.subject_id is None:
        raise UnprocessableEntity(_("This cannot be requested again unchanged. Make the change once more."))
    return kind.repeated(actor=actor, subject=subject, changes=current_proposals(request).get().proposed)


def _open_request_about_one(actor: Actor, change_request_id: int) -> tuple[Any, ChangeRequest]:
    subject, request = locked_own_request(actor, change_request_id)
    check_open(request)
    if subject is None or request.subject_id is None:
        raise UnprocessableEntity(
            _("A request about several subjects cannot be amended. Cancel it and submit a new one.")
        )
    return subject, request


def _revised(
    *,
    actor: Actor,
    request: ChangeRequest,
    subject: Any,
    changes: Sequence[Change],
    reason: RevisionReason,
    comment: str | None,
) -> Revision:
    kind = request_kind(request.kind)
    subject_id: Any = request.subject_id
    if not changes:
        raise UnprocessableEntity(_("Nothing would change. Cancel the request instead."), sub_code="NothingRequested")
    policy = current_policy(kind.key)
    required = kind.requirement(
        subject=subject,
        paths=[change.path for change in changes],
        policy=policy,
        initiator=initiator_of(actor, policy),
    )
    set_concerned(request, _concerned(request, actor, concerned_by(kind, subject, changes)))
    return revise(
        request=request,
        reason=reason,
        changes={subject_id: changes},
        author_id=actor.member_id,
        # What waits goes on waiting, even if the new wording would not have to.
        requirement=required or current_revision(request).requirement(),
        comment=comment,
    )


def _concerned(request: ChangeRequest, actor: Actor, by_changes: Concerned) -> Concerned:
    """Return whom an amended request concerns, who can act as the actor that amends, and who could when it asked."""
    found, earlier = both(who_act_as(actor), by_changes), set(request.excluded_member_ids)
    if actor.application_id is not None and request.about_member_id is not None:
        earlier.add(request.about_member_id)
    return Concerned(found.member_id, {*found.others, *earlier})
