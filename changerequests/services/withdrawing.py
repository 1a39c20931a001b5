"""What the initiator does with its request: amend or cancel it. It may, even if it no longer sees the subject."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor, system_actor
from changerequests.kinds import RequestKind, request_kind
from changerequests.models import ChangeRequest, Revision, RevisionReason, Status
from changerequests.queries.policies import current_policy, initiator_of
from changerequests.queries.requests import no_such_request
from changerequests.queries.revisions import current_revision
from changerequests.services.checks import check_open
from changerequests.services.locks import locked_request
from changerequests.services.opening import Concerned, revise, set_concerned, who_act_as
from changerequests.services.submitting import concerned_by
from core.errors import Forbidden, UnprocessableEntity, map_lock_errors


@transaction.atomic
def cancel_change_request(*, actor: Actor, change_request_id: int) -> ChangeRequest:
    """Cancel an open request. Locks the subject, then the request.

    Raises NotFound; Forbidden `NotInitiator`; UnprocessableEntity `ChangeRequestNotPending`.
    """
    _subject, request = _locked(actor, change_request_id)
    check_open(request)
    close_as_cancelled(request)
    return request


def close_as_cancelled(request: ChangeRequest) -> None:
    """Cancel a locked, open request."""
    request.status = Status.CANCELLED
    request.save(update_fields=["status"])
    request.subjects.update(is_open=False)
    if request.subject_id is not None:
        request_kind(request.kind).abandoned(request)


def cancel_open_request(*, kind: str, subject_id: int) -> None:
    """Cancel the open request about a locked subject alone, if there is one, because the subject goes away."""
    requests = ChangeRequest.objects.of_kind(kind).open().filter(subject_id=subject_id)
    for request in requests.select_for_update().order_by("pk"):
        close_as_cancelled(request)


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
    subject, request = _locked(actor, change_request_id)
    check_open(request)
    kind = request_kind(request.kind)
    if subject is None or request.subject_id is None:
        raise UnprocessableEntity(_("A request about several subjects cannot be amended. Cancel it and ask again."))
    changes = kind.amended(actor=actor, subject=subject, document=document)
    if not changes:
        raise UnprocessableEntity(_("Nothing would change. Cancel the request instead."), sub_code="NothingRequested")
    policy = current_policy(kind.key)
    required = kind.requirement(
        subject=subject,
        paths=[change.path for change in changes],
        policy=policy,
        initiator=initiator_of(actor, policy),
    )
    is_of_application = actor.application_id is not None
    set_concerned(request, _with_earlier(request, actor) if is_of_application else concerned_by(kind, subject, changes))
    return revise(
        request=request,
        reason=RevisionReason.AMENDED,
        changes={request.subject_id: changes},
        author_id=actor.member_id,
        # What waits goes on waiting, even if the new wording would not have to.
        requirement=required or current_revision(request).requirement(),
        comment=comment,
    )


def _locked(actor: Actor, change_request_id: int) -> tuple[Any, ChangeRequest]:
    """Lock the subject and the request of an initiator. Raises NotFound for others who cannot see it; Forbidden."""
    request = ChangeRequest.objects.filter(pk=change_request_id).first()
    is_own = request is not None and _asked_for(actor, request)
    if request is None or not (is_own or ChangeRequest.objects.visible_to(actor).filter(pk=change_request_id).exists()):
        raise no_such_request()
    if not is_own:
        raise Forbidden(_("Only the initiator may do this."), sub_code="NotInitiator")
    return _lock_subject(request_kind(request.kind), request), locked_request(change_request_id)


def _with_earlier(request: ChangeRequest, actor: Actor) -> Concerned:
    """Return who can act as the application that amends, and who could when it asked."""
    now = who_act_as(actor)
    asked = {*request.excluded_member_ids} | ({request.about_member_id} if request.about_member_id else set())
    return Concerned(now.member_id, {*now.others, *asked})


def _asked_for(actor: Actor, request: ChangeRequest) -> bool:
    if actor.application_id is not None:
        return request.initiator_application_id == actor.application_id
    return actor.member_id is not None and request.initiator_member_id == actor.member_id


def _lock_subject(kind: RequestKind, request: ChangeRequest) -> Any:
    if request.subject_id is None:
        return None
    # The initiator's own request is its own even if the subject has left its sight.
    return kind.lock(actor=system_actor("initiator"), subject_id=request.subject_id)
