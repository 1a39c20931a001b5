"""Applying an approved request about many subjects, in batches, by a job that may be delivered twice."""

from collections.abc import Iterable

from django.db import transaction

from accounts.actor import system_actor
from changerequests.kinds import RequestKind, request_kind
from changerequests.models import ChangeRequest, Proposal, RequestSubject, Status
from changerequests.services.checks import check_not_outdated
from core.errors import ApiError

BATCH = 50
BEFORE_ALL = -1
Outcome = RequestSubject.Outcome


def apply_approved_request(change_request_id: int) -> None:
    """Apply what is left of an approved request. Each batch is one transaction; killed, it goes on from the next one.

    Locks what comes before the subjects of a batch, these in the order of their ids, then its rows. Subjects that have
    changed since, or that refuse the change, are left out and say why.
    """
    last: int | None = BEFORE_ALL
    while last is not None:
        last = _apply_batch(change_request_id, after=last)


def unapplied_requests() -> Iterable[int]:
    """Return the ids of approved requests with subjects that wait to be applied."""
    waiting = RequestSubject.objects.filter(is_open=True, request__status=Status.APPROVED).order_by()
    return waiting.values_list("request_id", flat=True).distinct()


@transaction.atomic
def _apply_batch(change_request_id: int, *, after: int) -> int | None:
    """Apply one batch of the subjects after an id; return the id of its last one, None if there was nothing to do."""
    request = ChangeRequest.objects.with_people().get(pk=change_request_id)
    if request.status != Status.APPROVED:
        return None
    # By the unique index, past those that are applied already.
    waiting = request.subjects.filter(kind=request.kind, subject_id__gt=after, is_open=True).order_by("subject_id")
    batch = {row.subject_id: row.pk for row in waiting[:BATCH]}
    kind = request_kind(request.kind)
    kind.lock_before(batch)
    locked = {subject_id: _locked(kind, subject_id) for subject_id in batch}
    rows = request.subjects.select_for_update().filter(pk__in=list(batch.values()), is_open=True)
    proposals = {
        proposal.subject_id: proposal
        for proposal in Proposal.objects.filter(
            subject__in=list(batch.values()), revision__number=request.revision_number
        )
    }
    for row in rows.order_by("subject_id"):
        row.outcome, row.message = _applied(kind, request, locked[row.subject_id], proposals.get(row.pk))
        row.is_open = False
        row.save(update_fields=["outcome", "message", "is_open"])
    return max(batch, default=None)


def _locked(kind: RequestKind, subject_id: int) -> object:
    """Lock a subject; return the error that forbids all changes of it instead of raising it."""
    try:
        return kind.lock(actor=system_actor("approved requests"), subject_id=subject_id)
    except ApiError as error:
        return error


def _applied(kind: RequestKind, request: ChangeRequest, subject: object, proposal: Proposal | None) -> tuple[str, str]:
    """Apply a proposal to its locked subject; return the outcome and, if it failed, why."""
    if isinstance(subject, ApiError):
        return Outcome.REFUSED, str(subject)
    if proposal is None:
        return Outcome.EXCLUDED, ""
    try:
        with transaction.atomic():
            check_not_outdated(kind, subject, proposal.proposed)
            kind.apply(
                actor=system_actor("approved requests"), subject=subject, changes=proposal.proposed, request=request
            )
    except ApiError as error:
        outcome = Outcome.OUTDATED if error.sub_code == "ChangeRequestOutdated" else Outcome.REFUSED
        return outcome, str(error)
    return Outcome.APPLIED, ""
