"""The life cycle of a change request: opened, then approved, rejected or cancelled.

Every lock is taken on the subject first, then on its request.
"""

from collections.abc import Collection, Sequence

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.permissions import check_member_permission
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest, Status
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries import locked_request
from changerequests.tasks import send_outcome
from core.anonymization import without_values
from core.documents import Change, paths_with_ancestors
from core.errors import Forbidden, UnprocessableEntity
from core.jobs import send_on_commit


def open_request(
    *,
    subject_id: int,
    actor: Actor,
    changes: Sequence[Change],
    to_approve: Collection[str],
    comment: str | None,
) -> ChangeRequest:
    """Open a request for a member's changes; `to_approve` has the paths that require approval.

    The subject must be locked. Raises UnprocessableEntity `PendingChangeRequestExists` with the id of the pending one.
    """
    pending = ChangeRequest.objects.filter(subject=subject_id, status=Status.PENDING).first()
    if pending is not None:
        raise UnprocessableEntity(
            _("Change request %(id)s waits for review. Cancel it or wait until it is decided.") % {"id": pending.pk},
            sub_code="PendingChangeRequestExists",
            properties={"changeRequestId": [str(pending.pk)]},
        )
    return ChangeRequest.objects.create(
        subject_id=subject_id,
        initiator_member_id=actor.member_id,  # type: ignore[misc] # the column refuses NULL
        initiator_comment=comment,
        changes=[{**change.as_json(), "isApprovalRequired": change.path in to_approve} for change in changes],
        paths=paths_with_ancestors(change.path for change in changes),
        language=get_language() or settings.LANGUAGE_CODE,
    )


@transaction.atomic
def cancel_change_request(*, actor: Actor, subject_id: int, change_request_id: int) -> ChangeRequest:
    """Cancel a pending request. Locks the subject, then the request.

    Raises NotFound; Forbidden `NotInitiator`; UnprocessableEntity `ChangeRequestNotPending`, and what the kind raises
    if the subject can no longer be changed.
    """
    request_kind().lock(actor=actor, subject_id=subject_id)
    request = locked_request(subject_id=subject_id, change_request_id=change_request_id)
    if actor.member_id is None or request.initiator_member_id != actor.member_id:
        raise Forbidden(_("Only the member who asked for the change may cancel it."), sub_code="NotInitiator")
    _check_pending(request)
    request.status = Status.CANCELLED
    request.save(update_fields=["status"])
    return request


@transaction.atomic
def review_change_request(
    *,
    actor: Actor,
    subject_id: int,
    change_request_id: int,
    is_approved: bool,
    comment: str | None = None,
) -> ChangeRequest:
    """Approve or reject a pending request. Locks the subject, then the request: of two reviewers, one wins.

    Approval makes the changes; their entry in the ledger names the initiator and the request. Raises NotFound;
    Forbidden without the review permission and, as `OwnChangeRequest`, for the initiator; UnprocessableEntity
    `ChangeRequestNotPending`, and what `RequestKind.apply` raises. Any error leaves the request unchanged.
    """
    check_member_permission(actor, REVIEW_PERMISSION)
    subject = request_kind().lock(actor=actor, subject_id=subject_id)
    request = locked_request(subject_id=subject_id, change_request_id=change_request_id)
    if request.initiator_member_id == actor.member_id:
        raise Forbidden(_("You asked for this change. Somebody else has to review it."), sub_code="OwnChangeRequest")
    _check_pending(request)
    if is_approved:
        request_kind().apply(actor=actor, subject=subject, request=request)
    request.status = Status.APPROVED if is_approved else Status.REJECTED
    request.review_member_id = actor.member_id
    request.review_comment = comment
    request.reviewed_at = timezone.now()
    request.is_outcome_due = True
    request.save(update_fields=["status", "review_member", "review_comment", "reviewed_at", "is_outcome_due"])
    send_on_commit(send_outcome, request.pk)
    return request


def _check_pending(request: ChangeRequest) -> None:
    if not request.is_pending:
        raise UnprocessableEntity(
            _("The change request is no longer pending: it is %(status)s.") % {"status": request.get_status_display()},
            sub_code="ChangeRequestNotPending",
        )


def erase_change_requests(subject_ids: Sequence[int]) -> None:
    """Anonymize requests: erase values and comments, keep paths, times and people, and cancel pending requests."""
    requests = ChangeRequest.objects.filter(subject__in=subject_ids)
    requests.filter(status=Status.PENDING).update(status=Status.CANCELLED)
    requests.update(changes=without_values(), initiator_comment=None, review_comment=None)
