"""The second person, for tests."""

from accounts.actor import member_actor
from accounts.models import Member
from changerequests.digests import digest_of
from changerequests.models import ChangeRequest, Verdict
from changerequests.queries.revisions import proposals_of
from changerequests.services.deciding import Parts, decide


def approve(member: Member, request: ChangeRequest, parts: Parts | None = None) -> ChangeRequest:
    """Approve the request as it is now, or parts of it."""
    request.refresh_from_db()
    digest = digest_of(request, proposals_of(request))
    return decide(
        actor=member_actor(member), change_request_id=request.pk, verdict=Verdict.APPROVE, digest=digest, parts=parts
    )


def waiting() -> ChangeRequest:
    """Return the latest request, which waits."""
    request = ChangeRequest.objects.latest("pk")
    assert request.is_pending
    return request
