"""API view for the details of a contact."""

from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from orjson import Fragment
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ANYONE, Access
from accounts.views import IF_MATCH, IF_NONE_MATCH, ActorView
from audit.access.recording import looked
from contacts.duplicates import HEADER, REFUSE_DUPLICATES, checked_level, contact_written, refuse_duplicates
from contacts.models import ChannelKind
from contacts.permissions import MAY_CHANGE_DETAILS
from contacts.plans import ChangePlan, Target, merged, plan, replaced
from contacts.queries.as_of import as_of
from contacts.queries.details import details_from_row, details_query
from contacts.serializers import contacts as shapes
from contacts.services.changes import Submission, commit
from contacts.snapshots import snapshot_from_row, snapshot_query
from contacts.views.tags import READ, TAGS, WRITE
from core.documents import with_values
from core.json import rendered
from core.serializers import StrictSerializer


class ContactDetailsView(ActorView):
    access = {
        "GET": Access(READ, ANYONE),
        "PATCH": Access(WRITE, ANYONE, member_permission=MAY_CHANGE_DETAILS),
        "PUT": Access(WRITE, ANYONE, member_permission=MAY_CHANGE_DETAILS),
    }
    query_parameters = frozenset(shapes.DetailsAsOfSerializer().fields)
    prefetches = {"GET": details_query, "PATCH": snapshot_query, "PUT": snapshot_query}

    @extend_schema(
        operation_id="getContactDetails",
        tags=TAGS,
        parameters=[*IF_NONE_MATCH, shapes.DetailsAsOfSerializer],
        responses={200: shapes.ContactDetailsSerializer, 304: None},
    )
    def get(self, request: Request, contactId: int) -> HttpResponse:
        """Retrieve the details of a contact.

        The ETag identifies the version of the details. Send it in `If-Match` with a change, or in `If-None-Match` to
        get a 304 if nothing has changed.

        With `asOf`, the details are those of that moment, as the history has them, and the ETag is that of their
        version. Open to all who may read the history.

        `subCode`: AsOfInFuture, AsOfBeforeCreation; ContactAnonymized if the details of that moment were erased since.
        """
        moment = self.query(shapes.DetailsAsOfSerializer)["asOf"] if self.request.query_params else None
        contact = details_from_row(self.prefetched)
        if moment is not None:
            contact = as_of(contact, moment)
        looked(self.actor, [contact.id])
        headers = {"ETag": contact.etag, "Cache-Control": "private, no-cache"}
        if self.knows(contact.etag):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        return rendered(
            {
                "id": contact.id,
                "hasPendingChangeRequest": contact.has_pending_change_request,
                "hasPendingEmail": contact.has_pending_email,
                "hasPendingMobile": contact.has_pending_mobile,
                "details": Fragment(contact.details),
            },
            headers=headers,
        )

    @extend_schema(
        operation_id="patchContactDetails",
        tags=TAGS,
        parameters=[*IF_MATCH, *REFUSE_DUPLICATES],
        request=shapes.SubmitDetailsSerializer,
        responses={200: shapes.SubmittedDetailsSerializer},
    )
    def patch(self, request: Request, contactId: int) -> HttpResponse:
        """Change some of a contact's details.

        `details` is a JSON Merge Patch (RFC 7396): objects are merged, arrays are replaced whole, null removes. The
        result must follow the schema. A contact may change only fields that the schema opens to contacts, a member no
        read-only field, and nobody a disabled field. If a member changes a field that requires approval, the whole
        submission waits as a change request. So does a member's change of the email address or mobile number of a
        client who has a login, whatever the schema says. A new address that needs verification waits for its key.

        With `X-Refuse-Duplicates`, the change is refused if it makes the contact `probable`, or at least `possible`, to
        be the same person as another one that the caller sees; `properties.candidates` has the ids. Contacts that were
        as much alike before refuse nothing, nor do those of whom somebody has said that they are different people.

        `subCode`: ValidationFailed, FieldNotUpdatable, PendingChangeRequestExists, UsernameNotUnique, UsernameRequired,
        ProbableDuplicate.
        With `If-Match`: 412 and the current ETag if the details have changed since.
        """
        body = self.body(shapes.SubmitDetailsSerializer)
        return self._change(merged(body["details"], self.if_match()), body["comment"])

    @extend_schema(
        operation_id="putContactDetails",
        tags=TAGS,
        parameters=[*IF_MATCH, *REFUSE_DUPLICATES],
        request=shapes.SubmitDetailsSerializer,
        responses={200: shapes.SubmittedDetailsSerializer},
    )
    def put(self, request: Request, contactId: int) -> HttpResponse:
        """Replace the details of a contact.

        `details` is the whole document: values that it omits are removed. Otherwise the same as PATCH.

        `subCode`: ValidationFailed, FieldNotUpdatable, PendingChangeRequestExists, UsernameNotUnique, UsernameRequired,
        ProbableDuplicate.
        With `If-Match`: 412 and the current ETag if the details have changed since.
        """
        body = self.body(shapes.SubmitDetailsSerializer)
        return self._change(replaced(body["details"], self.if_match()), body["comment"])

    def _change(self, target: Target, comment: str | None) -> HttpResponse:
        if self.request.query_params:
            # The present is changed, not what was.
            self.query(StrictSerializer)
        found = plan(snapshot_from_row(self.prefetched, self.actor), target, self.actor)
        if HEADER in self.request.headers:
            submission = _commit_unless_duplicate(found, comment, checked_level(self.request.headers[HEADER]))
        else:
            submission = commit(found, comment=comment)
        return rendered(
            {
                "isApprovalRequired": submission.change_request is not None,
                "hasPendingEmail": ChannelKind.EMAIL in submission.pending,
                "hasPendingMobile": ChannelKind.MOBILE in submission.pending,
            },
            headers={"ETag": f'"{submission.row.version}"'},
        )


@transaction.atomic
def _commit_unless_duplicate(found: ChangePlan, comment: str | None, level: str) -> Submission:
    """Commit a plan like `commit`. Raises UnprocessableEntity `ProbableDuplicate` too. Takes advisory locks first."""
    contact_id, before = found.snapshot.row.pk, found.snapshot.row.details
    if not found.refusal:
        # With an address that its owner has to confirm first.
        details = with_values(before, {change.path: change.target for change in found.changes})
        refuse_duplicates(actor=found.actor, details=details, level=level, contact_id=contact_id, before=before)
    submission = commit(found, comment=comment)
    if submission.entry_id is not None:
        contact_written(contact_id)
    return submission
