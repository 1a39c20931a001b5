"""API operations on change requests of all kinds, tagged ChangeRequest."""

from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import MEMBERS, STAFF, Access
from accounts.views import ActorView
from audit.access.models import Way
from changerequests import serializers as shapes
from changerequests.attachments import MAX_BYTES, MAX_FORM_BYTES
from changerequests.digests import digest_of
from changerequests.display import shown_stages
from changerequests.kinds import request_kind
from changerequests.looking import looked_at_requests, looked_at_subjects
from changerequests.models import ChangeRequest, Verdict
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.entries import Entry, entries, requested_changes
from changerequests.queries.revisions import current_proposals, current_revision, proposals_of
from changerequests.queries.searching import found_rows, requests_of_all_kinds
from changerequests.queries.sight import seen_request
from changerequests.queries.subjects import attach_subjects, is_outdated
from changerequests.services.claims import claim_request, release_request
from changerequests.services.conversation import add_attachment, add_comment
from changerequests.services.deciding import Parts, decide
from changerequests.services.withdrawing import cancel_change_request
from core.errors import BadRequest, PayloadTooLarge
from core.paging import PageSerializer, paginate, row_renderer
from core.replica import on_replica

READ, WRITE = "change-requests.read", "change-requests.write"
TAGS = ["ChangeRequest"]
UPLOAD = {"multipart/form-data": shapes.AddAttachmentSerializer}


def _row(request: Any) -> dict[str, Any]:
    request.is_outdated = is_outdated(request)
    row: dict[str, Any] = row_renderer(shapes.AnyChangeRequestRowSerializer)(request)
    return row


class SearchView(ActorView):
    access = {"POST": Access(READ, STAFF)}

    @extend_schema(
        operation_id="searchAnyChangeRequests",
        tags=TAGS,
        request=shapes.AnyChangeRequestCriteriaSerializer,
        responses={200: shapes.PagedAnyChangeRequestsSerializer},
    )
    @on_replica
    def post(self, request: Request) -> Response:
        """Search change requests of all kinds.

        Returns requests about subjects that the caller can see, latest first. Criteria are combined with AND; null
        means no criterion. `isMineToDecide` returns the pending requests that the calling member could decide now: in
        whose group it is, of somebody else, that it has not decided. They include those that it sees through a member
        whose substitute it is today.
        """
        criteria = self.body(shapes.AnyChangeRequestCriteriaSerializer)
        found = requests_of_all_kinds(actor=self.actor, criteria=criteria)
        return Response(paginate(found, criteria, render=_row, shown=self._shown))

    def _shown(self, found: Any) -> Any:
        rows = list(found_rows(found))
        looked_at_requests(self.actor, rows)
        return rows


class _RequestView(ActorView):
    def seen(self, change_request_id: int) -> ChangeRequest:
        """Return the request if the caller sees it. Raises NotFound."""
        return seen_request(actor=self.actor, change_request_id=change_request_id)[0]


class ChangeRequestView(_RequestView):
    access = {"GET": Access(READ, STAFF)}

    @extend_schema(operation_id="getAnyChangeRequest", tags=TAGS, responses={200: shapes.AnyChangeRequestSerializer})
    def get(self, request: Request, changeRequestId: int) -> Response:
        """Retrieve a change request of any kind.

        Includes the stages of the current revision with their decisions, and the changes of the only subject beside
        the values that it has now. Of a request about several subjects, `details` is empty: see its entries. `digest`
        names what was shown; a decision repeats it.
        """
        found: Any = self.seen(changeRequestId)
        attach_subjects([found], with_documents=True)
        looked_at_requests(self.actor, [found], way=Way.REVIEWED)
        proposals = proposals_of(found)
        found.changes = proposals.get(found.subject_id, [])
        found.is_outdated = is_outdated(found)
        found.digest = digest_of(found, proposals)
        found.stages = shown_stages(current_revision(found), found)
        found.details = requested_changes(
            found.changes, document=found.subject.document, presenter=request_kind(found.kind).presenter()
        )
        return Response(shapes.AnyChangeRequestSerializer(found).data)


class EntriesView(_RequestView):
    access = {"GET": Access(READ, STAFF)}
    query_parameters = frozenset({"page", "pageSize"})

    @extend_schema(
        operation_id="getChangeRequestEntries",
        tags=TAGS,
        parameters=[PageSerializer],
        responses={200: shapes.PagedRequestEntriesSerializer},
    )
    def get(self, request: Request, changeRequestId: int) -> Response:
        """List the entries of a change request.

        An entry is one subject with the changes that the current revision proposes for it, in the order of submission.
        A review can leave out entries by their `entryId`.
        """
        page = self.query(PageSerializer)
        found = self.seen(changeRequestId)
        return Response(
            paginate(
                current_proposals(found),
                page,
                render=row_renderer(shapes.RequestEntrySerializer),
                shown=lambda proposals: self._shown(proposals, found),
            )
        )

    def _shown(self, proposals: Any, request: ChangeRequest) -> list[Entry]:
        shown = entries(proposals.select_related("subject"), request=request)
        looked_at_subjects(self.actor, request.kind, [entry.subject.id for entry in shown], way=Way.REVIEWED)
        return shown


class ReviewView(ActorView):
    access = {"POST": Access(WRITE, MEMBERS, member_permission=REVIEW_PERMISSION)}

    @extend_schema(
        operation_id="reviewAnyChangeRequest",
        tags=TAGS,
        request=shapes.AnyReviewSerializer,
        responses={204: None, **shapes.ANOTHER_DIGEST},
    )
    def post(self, request: Request, changeRequestId: int) -> Response:
        """Approve or reject a change request of any kind.

        The reviewer needs the review permission, must see the subjects, must be in the group of the stage that the
        request waits in, and must be neither the initiator nor the member whom it is about nor somebody who has decided
        this revision. The last approval applies the changes; those of a request about several subjects are applied soon
        after.

        `paths` approves these changes and `excludedEntryIds` leaves out these entries: the request gets a new revision
        without what is struck, for which this is the first approval. `digest` is that of the revision that the
        reviewer saw; it is required once a request has several revisions, and where the policy says so.

        A member who decides through an application needs one that is approved for it, and confirms with its second
        factor when it allows the application: ApplicationCarriesNoDecisions, ConfirmationRequired (403).

        `subCode`: OwnChangeRequest, AboutYourself, AlreadyDecided, NotAReviewer (403); ChangeRequestNotPending,
        ChangeRequestOutdated, EvidenceRequired, UnknownPaths, UnknownEntries, NothingKept, ValidationFailed,
        UsernameNotUnique, UsernameRequired (422). Another digest: 412.
        """
        body = self.body(shapes.AnyReviewSerializer)
        paths, excluded = body["paths"], body["excludedEntryIds"] or ()
        decide(
            actor=self.actor,
            change_request_id=changeRequestId,
            verdict=Verdict.APPROVE if body["isApproved"] else Verdict.REJECT,
            comment=body["comment"],
            digest=body["digest"],
            parts=None if paths is None and not excluded else Parts(paths=paths, excluded_subject_ids=excluded),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReturnView(ActorView):
    access = {"POST": Access(WRITE, MEMBERS, member_permission=REVIEW_PERMISSION)}

    @extend_schema(
        operation_id="returnAnyChangeRequest", tags=TAGS, request=shapes.ReturnSerializer, responses={204: None}
    )
    def post(self, request: Request, changeRequestId: int) -> Response:
        """Return a change request of any kind to its initiator.

        The initiator may amend it, which makes a new revision to review, or cancel it.

        A member who decides through an application needs one that is approved for it, and confirms with its second
        factor when it allows the application: ApplicationCarriesNoDecisions, ConfirmationRequired (403).

        `subCode`: OwnChangeRequest, AboutYourself, AlreadyDecided, NotAReviewer (403); ChangeRequestNotPending (422).
        """
        comment = self.body(shapes.ReturnSerializer)["comment"]
        decide(actor=self.actor, change_request_id=changeRequestId, verdict=Verdict.RETURN, comment=comment)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CancelView(ActorView):
    access = {"POST": Access(WRITE, STAFF)}

    @extend_schema(operation_id="cancelAnyChangeRequest", tags=TAGS, request=None, responses={204: None})
    def post(self, request: Request, changeRequestId: int) -> Response:
        """Cancel a change request of any kind.

        Only the initiator, a member or an application, may cancel a request, and only while it is pending or returned.

        `subCode`: NotInitiator (403), ChangeRequestNotPending (422).
        """
        self.check_no_body()
        cancel_change_request(actor=self.actor, change_request_id=changeRequestId)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ClaimView(ActorView):
    access = {method: Access(WRITE, MEMBERS, member_permission=REVIEW_PERMISSION) for method in ("POST", "DELETE")}

    @extend_schema(
        operation_id="claimChangeRequest",
        tags=TAGS,
        request=shapes.ClaimSerializer,
        responses={200: shapes.ClaimedSerializer},
    )
    def post(self, request: Request, changeRequestId: int) -> Response:
        """Claim a change request.

        Shows the others for ten minutes that the calling member, who could decide the request now, has it open;
        claiming it again renews that. A claim is advice: others may decide the request all the same. The admin claims
        the request whose page somebody opens.

        `subCode`: OwnChangeRequest, AboutYourself, AlreadyDecided, NotAReviewer (403); ChangeRequestNotPending,
        ClaimedByAnother (422), whose message says who has it until when.
        """
        body = self.body(shapes.ClaimSerializer)
        claim = claim_request(actor=self.actor, change_request_id=changeRequestId, take_over=bool(body["takeOver"]))
        return Response(shapes.ClaimedSerializer(claim).data)

    @extend_schema(operation_id="releaseChangeRequest", tags=TAGS, responses={204: None})
    def delete(self, request: Request, changeRequestId: int) -> Response:
        """Release a change request.

        Ends the claim of the calling member, if it has one; that of another member stays.
        """
        self.check_no_body()
        release_request(actor=self.actor, change_request_id=changeRequestId)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CommentsView(_RequestView):
    access = {"GET": Access(READ, STAFF), "POST": Access(WRITE, MEMBERS)}

    @extend_schema(operation_id="getChangeRequestComments", tags=TAGS, responses={200: shapes.CommentsSerializer})
    def get(self, request: Request, changeRequestId: int) -> Response:
        """List the comments on a change request.

        Oldest first. The comments of submissions and decisions belong to these, and are not among them.
        """
        comments = self.seen(changeRequestId).comments.select_related("author__user")
        return Response(shapes.CommentsSerializer({"comments": comments}).data)

    @extend_schema(
        operation_id="addChangeRequestComment",
        tags=TAGS,
        request=shapes.AddCommentSerializer,
        responses={201: shapes.CommentSerializer},
    )
    def post(self, request: Request, changeRequestId: int) -> Response:
        """Comment on a change request.

        Open to every member who sees the request, while it is pending or returned. Comments are never changed.

        `subCode`: ChangeRequestNotPending, TextInvisible.
        """
        text = self.body(shapes.AddCommentSerializer)["text"]
        comment = add_comment(actor=self.actor, change_request_id=changeRequestId, text=text)
        return Response(shapes.CommentSerializer(comment).data, status=status.HTTP_201_CREATED)


class AttachmentsView(_RequestView):
    access = {"GET": Access(READ, STAFF), "POST": Access(WRITE, MEMBERS)}
    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="getChangeRequestAttachments", tags=TAGS, responses={200: shapes.AttachmentsSerializer})
    def get(self, request: Request, changeRequestId: int) -> Response:
        """List the files attached to a change request.

        Oldest first.
        """
        attachments = self.seen(changeRequestId).attachments.select_related("author__user")
        return Response(shapes.AttachmentsSerializer({"attachments": attachments}).data)

    @extend_schema(
        operation_id="addChangeRequestAttachment",
        tags=TAGS,
        request=UPLOAD,
        responses={201: shapes.AttachmentSerializer},
    )
    def post(self, request: Request, changeRequestId: int) -> Response:
        """Attach a file to a change request.

        The form has one part, `file`: a PDF, JPEG, PNG or WebP of at most 10 MiB; the content determines the type. Open
        to the initiator and to reviewers who see the request, while it is pending or returned.

        `subCode`: NotAReviewer (403); ChangeRequestNotPending, AttachmentTooLarge, AttachmentInvalid (422).
        """
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_FORM_BYTES:
            raise PayloadTooLarge(_("The body is larger than %(limit)s.") % {"limit": filesizeformat(MAX_FORM_BYTES)})
        unknown = sorted(set(request.data) - {"file"})
        if unknown:
            raise BadRequest(properties={name[:80]: [_("There is no such property.")] for name in unknown})
        files = request.FILES.getlist("file")
        if len(files) != 1:
            raise BadRequest(properties={"file": [_("Send one file.")]})
        # One byte over the limit is enough for the service to refuse the file.
        attachment = add_attachment(
            actor=self.actor,
            change_request_id=changeRequestId,
            name=files[0].name or "",
            content=files[0].read(MAX_BYTES + 1),
        )
        return Response(shapes.AttachmentSerializer(attachment).data, status=status.HTTP_201_CREATED)
