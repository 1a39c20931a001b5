"""Conditions of a request that its services check."""

from collections.abc import Sequence
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.permissions import check_member_permission
from changerequests.eligibility import Case, Person, objection
from changerequests.kinds import RequestKind
from changerequests.models import ChangeRequest, RequestStage, Status
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.revisions import Current, Decider, current_revision
from changerequests.queries.sight import seen_request
from core.documents import Change
from core.errors import UnprocessableEntity


def check_open(request: ChangeRequest, *, is_returned_allowed: bool = True) -> None:
    """Raise UnprocessableEntity `ChangeRequestNotPending`, which names who decided and when, unless it is open."""
    if request.is_pending or (is_returned_allowed and request.status == Status.RETURNED):
        return
    text = _("The change request is no longer pending: it is %(status)s.") % {"status": request.get_status_display()}
    if request.review_member is not None and request.reviewed_at is not None:
        decided = _("%(member)s decided it on %(moment)s.") % {
            "member": request.review_member.name,
            "moment": date_format(localtime(request.reviewed_at), "DATETIME_FORMAT"),
        }
        text = f"{text} {decided}"
    raise UnprocessableEntity(text, sub_code="ChangeRequestNotPending")


def check_may_decide(request: ChangeRequest, person: Person, case: Case, *, is_returned_allowed: bool) -> None:
    """Raise Forbidden (`objection`) or `ChangeRequestNotPending` unless the person may decide the request now."""
    # Whose request it is comes before its status: an initiator learns nothing new from either.
    refusal = objection(person, case)
    if refusal is not None and refusal.sub_code == "OwnChangeRequest":
        raise refusal
    check_open(request, is_returned_allowed=is_returned_allowed)
    if refusal is not None:
        raise refusal


def request_to_decide(*, actor: Actor, change_request_id: int) -> tuple[ChangeRequest, Current]:
    """Return a pending request that the actor could decide now, and its current revision. Locks nothing.

    Raises NotFound; Forbidden without the review permission, and that of `objection`; UnprocessableEntity
    `ChangeRequestNotPending`.
    """
    check_member_permission(actor, REVIEW_PERMISSION)
    request, _sight = seen_request(actor=actor, change_request_id=change_request_id)
    current = current_revision(request)
    check_may_decide(request, Decider(actor).person(request), current.case(request), is_returned_allowed=False)
    return request, current


def missing_evidence() -> UnprocessableEntity:
    """Return the error that a stage requires a file and the request has none."""
    text = _("This stage requires a file as evidence. Attach one to the request, then approve it.")
    return UnprocessableEntity(text, sub_code="EvidenceRequired")


def check_evidence(current: Current, stage: RequestStage) -> None:
    """Raise UnprocessableEntity `EvidenceRequired` if an approval in this stage needs a file that is not there."""
    if current.lacks_evidence(stage):
        raise missing_evidence()


def check_not_outdated(kind: RequestKind, subject: Any, changes: Sequence[Change]) -> None:
    """Raise UnprocessableEntity `ChangeRequestOutdated` unless each path still has its original value.

    `subject` is the return value of `RequestKind.lock`.
    """
    outdated = kind.outdated_paths(kind.document_of(subject), changes)
    if outdated:
        raise UnprocessableEntity(
            _("The subject has changed since this was requested. Have it requested again, or reject it."),
            sub_code="ChangeRequestOutdated",
            properties={path: [_("The value is no longer the original one.")] for path in outdated},
        )
