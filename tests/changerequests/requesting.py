"""Requests of any kind, opened by the engine's own service without the services of the subjects."""

from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from accounts.actor import Actor, member_actor
from accounts.models import Member
from changerequests.models import ChangeRequest
from changerequests.policies import Requirement, Stage
from changerequests.services.opening import open_request
from contacts.models import CONTACT_DETAILS, Contact
from core.documents import Change
from tests.api import Answer, Api

SEARCH = "/v1.0/change-requests/search"
LAST_NAME = "personalInformation.lastName"
REVIEW = Stage("Review")
PDF = b"%PDF-1.7\n%%EOF\n"


def opened(
    kind: str,
    changes: Mapping[int, list[Change]],
    *,
    by: Member | Actor,
    stages: tuple[Stage, ...] = (REVIEW,),
    comment: str | None = None,
) -> ChangeRequest:
    """Open a request of this kind for these changes by subject, all of which require approval."""
    paths = frozenset(change.path for found in changes.values() for change in found)
    return open_request(
        kind=kind,
        changes=changes,
        actor=member_actor(by) if isinstance(by, Member) else by,
        requirement=Requirement(stages, paths),
        comment=comment,
    )


def renaming(*contacts: Contact, by: Member | Actor, target: str = "Heusser", **options: Any) -> ChangeRequest:
    """Open a request to change the last name of these contacts, which is Spyri."""
    changes = {contact.pk: [Change(LAST_NAME, "Spyri", target)] for contact in contacts}
    return opened(CONTACT_DETAILS, changes, by=by, **options)


def address(request: ChangeRequest, part: str = "") -> str:
    return f"/v1.0/change-requests/{request.pk}{part}"


def attach(
    api: Api, request: ChangeRequest, content: bytes = PDF, *, name: str = "passport.pdf", part: str = "file"
) -> Answer:
    body = encode_multipart(BOUNDARY, {part: SimpleUploadedFile(name, content)})
    return api.post(address(request, "/attachments"), raw=body, content_type=MULTIPART_CONTENT)
