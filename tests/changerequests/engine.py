"""Operations of the API on change requests of contacts, for tests."""

from typing import Any

from accounts.actor import member_actor
from accounts.models import Member
from changerequests.digests import digest_of
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.queries.revisions import proposals_of
from changerequests.services.applying import apply_approved_request
from changerequests.services.deciding import decide
from contacts.models import Contact
from tests.api import Answer, Api

NAME, NOTES = "personalInformation.lastName", "relationship.notes"
BOTH = {"personalInformation": {"lastName": "Heusser"}, "relationship": {"notes": "Married."}}


def submit(api: Api, contact: Contact, details: dict[str, Any]) -> ChangeRequest:
    """Ask for a change that waits; return its request."""
    answer = api.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": details})
    assert (answer.status, answer.json["isApprovalRequired"]) == (200, True)
    return ChangeRequest.objects.latest("pk")


def path_of(request: ChangeRequest) -> str:
    return f"/v1.0/contacts/{request.subject_id}/change-requests/{request.pk}"


def approve(api: Api, request: ChangeRequest, **body: Any) -> Answer:
    return api.post(f"{path_of(request)}/review", {"isApproved": True, **body})


def approve_all(reviewer: Member) -> None:
    """Approve every open request as this member, and apply those about many subjects."""
    for request in ChangeRequest.objects.open().order_by("pk"):
        decide(
            actor=member_actor(reviewer),
            change_request_id=request.pk,
            verdict=Verdict.APPROVE,
            digest=digest_of(request, proposals_of(request)),
        )
        apply_approved_request(request.pk)


def reject(api: Api, request: ChangeRequest) -> Answer:
    return api.post(f"{path_of(request)}/review", {"isApproved": False})


def send_back(api: Api, request: ChangeRequest) -> Answer:
    return api.post(f"{path_of(request)}/return", {"comment": "Which name?"})


def amend(api: Api, request: ChangeRequest, details: dict[str, Any]) -> Answer:
    return api.put(path_of(request), {"details": details})


def cancel(api: Api, request: ChangeRequest) -> Answer:
    return api.post(f"{path_of(request)}/cancel")


def seen(request: ChangeRequest) -> str:
    """Return the digest of what the request asks for now."""
    request.refresh_from_db()
    return digest_of(request, proposals_of(request))


def status_of(request: ChangeRequest) -> Status:
    request.refresh_from_db()
    return Status(request.status)


def name_of(contact: Contact) -> str:
    contact.refresh_from_db()
    return contact.details["personalInformation"]["lastName"]
