"""Helpers for the tests of what waits of an import: deciding its requests, and what became of their entries."""

from typing import Any

from accounts.actor import member_actor
from accounts.models import Member
from changerequests.models import ChangeRequest, Verdict
from changerequests.queries.revisions import current_digest
from changerequests.services.applying import apply_approved_request
from changerequests.services.deciding import decide
from importexport.models import ImportJob, WaitingEntry


def approve(member: Member, request: ChangeRequest, **options: Any) -> ChangeRequest:
    """Approve the request as it is now, and apply it as the worker does."""
    request.refresh_from_db()
    options.setdefault("digest", current_digest(request))
    decided = decide(actor=member_actor(member), change_request_id=request.pk, verdict=Verdict.APPROVE, **options)
    apply_approved_request(request.pk)
    return decided


def outcomes(request: ChangeRequest) -> list[tuple[str, bool]]:
    return list(request.subjects.order_by("subject_id").values_list("outcome", "is_open"))


def waits(job: ImportJob) -> ChangeRequest:
    """Return the only request of a job."""
    assert not WaitingEntry.objects.exists()
    return job.change_requests.get()


def waiting(job: ImportJob) -> dict[str, ChangeRequest]:
    """Return the requests of a job by their kinds."""
    assert not WaitingEntry.objects.exists()
    requests = {request.kind: request for request in job.change_requests.order_by("pk")}
    assert len(requests) == job.change_requests.count()
    return requests
