"""API views for a contact's change requests, tagged ContactChangeRequest."""

from functools import partial
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from accounts.actor import Actor
from accounts.models import Member
from accounts.permissions import MEMBERS, STAFF, Access
from accounts.queries import member_seen_by, with_hierarchy
from accounts.views import ActorView
from audit.access.models import Way
from changerequests.looking import looked_at_requests
from changerequests.models import ChangeRequest, ChangeRequestQuerySet, Status, Verdict
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.requests import check_subject, open_request_of, request_of_subject
from changerequests.queries.subjects import attach_changes, attach_subjects
from changerequests.serializers import ANOTHER_DIGEST, ReturnSerializer, ReviewSerializer
from changerequests.services.deciding import Parts, decide
from changerequests.services.withdrawing import amend_change_request, cancel_change_request
from contacts.models import CONTACT_DETAILS
from contacts.queries.contacts import check_visible
from contacts.queries.requests import searched_requests
from contacts.serializers import change_requests as shapes
from core.paging import ordered, paginate, row_renderer
from core.replica import on_replica

READ, WRITE = "change-requests.read", "change-requests.write"
TAGS = ["ContactChangeRequest"]


@extend_schema_view(
    get=extend_schema(operation_id="getChangeRequest", tags=TAGS, responses={200: shapes.ChangeRequestSerializer})
)
class ChangeRequestView(ActorView):
    access = {"GET": Access(READ, STAFF)}
    shape: type[Serializer] = shapes.ChangeRequestSerializer

    def get(self, request: Request, contactId: int, changeRequestId: int) -> Response:
        """Retrieve a change request.

        Includes the requested changes and which of them require approval.
        """
        found = _request(self.actor, contactId, changeRequestId)
        attach_subjects([found])
        looked_at_requests(self.actor, [found], way=Way.REVIEWED)
        attach_changes([found])
        return Response(self.shape(found).data)


@extend_schema_view(
    get=extend_schema(operation_id="getChangeRequestV10", tags=TAGS, responses={200: shapes.ChangeRequestV10Serializer})
)
class ChangeRequestV10View(ChangeRequestView):
    access = {"GET": Access(READ, STAFF), "PUT": Access(WRITE, MEMBERS)}
    shape = shapes.ChangeRequestV10Serializer
    successor = "/v1.1/contacts/{contactId}/change-requests/{changeRequestId}"
    current_methods = frozenset({"PUT"})

    @extend_schema(
        operation_id="amendChangeRequest",
        tags=TAGS,
        request=shapes.AmendSerializer,
        responses={200: shapes.RevisionSerializer},
    )
    def put(self, request: Request, contactId: int, changeRequestId: int) -> Response:
        """Amend a change request.

        The initiator asks for something else instead, over the values of today. The request gets a new revision, which
        nobody has decided yet; this also brings an outdated or returned request back into the queue.

        `subCode`: NotInitiator (403); ChangeRequestNotPending, NothingRequested, ValidationFailed, FieldNotUpdatable
        (422).
        """
        body = self.body(shapes.AmendSerializer)
        check_subject(kind=CONTACT_DETAILS, subject_id=contactId, change_request_id=changeRequestId)
        revision = amend_change_request(
            actor=self.actor, change_request_id=changeRequestId, document=body["details"], comment=body["comment"]
        )
        return Response(shapes.RevisionSerializer(revision).data)


def _request(actor: Actor, contact_id: int, change_request_id: int) -> ChangeRequest:
    return request_of_subject(
        actor=actor, kind=CONTACT_DETAILS, subject_id=contact_id, change_request_id=change_request_id
    )


class StatusesView(ActorView):
    access = {"GET": Access(READ, STAFF)}

    @extend_schema(
        operation_id="getChangeRequestStatuses", tags=TAGS, responses={200: shapes.ChangeRequestStatusesSerializer}
    )
    def get(self, request: Request) -> Response:
        """List the statuses of change requests.

        The names are localized.
        """
        return Response(shapes.ChangeRequestStatusesSerializer({"changeRequestStatuses": list(Status)}).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="checkPendingChangeRequest", tags=TAGS, responses={200: shapes.PendingCheckSerializer}
    )
)
class PendingCheckView(ActorView):
    access = {"GET": Access(READ, STAFF)}
    shape: type[Serializer] = shapes.PendingCheckSerializer

    def get(self, request: Request, contactId: int) -> Response:
        """Check whether a contact has a pending change request.

        If so, the response names the request, its initiator and its creation date.
        """
        contact_id = check_visible(actor=self.actor, contact_id=contactId)
        pending = open_request_of(kind=CONTACT_DETAILS, subject_id=contact_id)
        return Response(self.shape({"hasPendingChangeRequest": pending is not None, "changeRequest": pending}).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="checkPendingChangeRequestV10", tags=TAGS, responses={200: shapes.PendingCheckV10Serializer}
    )
)
class PendingCheckV10View(PendingCheckView):
    shape = shapes.PendingCheckV10Serializer
    successor = "/v1.1/contacts/{contactId}/pending-change-request/check"


def _with_contacts(requests: ChangeRequestQuerySet, actor: Actor) -> list[ChangeRequest]:
    rows = list(requests.as_row())
    attach_subjects(rows)
    looked_at_requests(actor, rows)
    return rows


class _SearchView(ActorView):
    access = {"POST": Access(READ, STAFF)}

    @on_replica
    def search(self, criteria: dict[str, Any], shape: type[Serializer], member: Member | None = None) -> Response:
        actor = self.actor if criteria["excludeHierarchy"] else with_hierarchy(self.actor)
        requests = ordered(
            searched_requests(actor=actor, criteria=criteria, member=member),
            criteria,
            columns=shapes.SORT_COLUMNS,
            default="CreateDate",
        )
        shown = partial(_with_contacts, actor=self.actor)
        return Response(paginate(requests, criteria, render=row_renderer(shape), shown=shown))


class SearchView(_SearchView):
    @extend_schema(
        operation_id="searchChangeRequests",
        tags=TAGS,
        request=shapes.ChangeRequestCriteriaSerializer,
        responses={200: shapes.PagedChangeRequestsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Search change requests.

        Returns requests about contacts that the caller can see, latest first. For a member these include the contacts
        of members below it, unless `excludeHierarchy` is set. Criteria are combined with AND; null means no criterion.
        Sort by Id, StatusId, CreateDate, InitiatorMemberId, ContactId, ReviewDate or ReviewMemberId.
        """
        return self.search(self.body(shapes.ChangeRequestCriteriaSerializer), shapes.ChangeRequestRowSerializer)


class MemberSearchView(_SearchView):
    successor = "/v1.0/contacts/change-requests/search"

    @extend_schema(
        operation_id="searchChangeRequestsOfMember",
        tags=TAGS,
        request=shapes.ChangeRequestCriteriaV10Serializer,
        responses={200: shapes.PagedChangeRequestsV10Serializer},
    )
    def post(self, request: Request, memberId: int) -> Response:
        """Search the change requests that a member sees (deprecated).

        The member is the caller or a member below it; an application may name any member. People have numeric ids here.
        """
        criteria = self.body(shapes.ChangeRequestCriteriaV10Serializer)
        member = member_seen_by(actor=self.actor, member_id=memberId)
        return self.search(criteria, shapes.ChangeRequestRowV10Serializer, member)


class CancelView(ActorView):
    access = {"POST": Access(WRITE, MEMBERS)}

    @extend_schema(operation_id="cancelChangeRequest", tags=TAGS, request=None, responses={204: None})
    def post(self, request: Request, contactId: int, changeRequestId: int) -> Response:
        """Cancel a change request.

        Only the initiator may cancel a request, and only while it is pending.

        `subCode`: NotInitiator (403), ChangeRequestNotPending (422).
        """
        self.check_no_body()
        check_subject(kind=CONTACT_DETAILS, subject_id=contactId, change_request_id=changeRequestId)
        cancel_change_request(actor=self.actor, change_request_id=changeRequestId)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReviewView(ActorView):
    access = {"POST": Access(WRITE, MEMBERS, member_permission=REVIEW_PERMISSION)}

    @extend_schema(
        operation_id="reviewChangeRequest",
        tags=TAGS,
        request=ReviewSerializer,
        responses={204: None, **ANOTHER_DIGEST},
    )
    def post(self, request: Request, contactId: int, changeRequestId: int) -> Response:
        """Approve or reject a change request.

        The request must be pending. The reviewer needs the review permission, must see the contact, must be in the
        group of the stage that the request waits in, and must be neither the initiator nor somebody who has decided
        this revision. The last approval applies the changes at once.

        `paths` approves these changes and strikes the others: the request gets a new revision, for which this is the
        first approval. `digest` is that of the revision that the reviewer saw; it is required once a request has
        several revisions, and where the policy says so.

        A member who decides through an application needs one that is approved for it, and confirms with its second
        factor when it allows the application: ApplicationCarriesNoDecisions, ConfirmationRequired (403).

        `subCode`: OwnChangeRequest, AlreadyDecided, NotAReviewer (403); ChangeRequestNotPending,
        ChangeRequestOutdated, EvidenceRequired, UnknownPaths, NothingKept, ValidationFailed, UsernameNotUnique,
        UsernameRequired (422). Another digest: 412.
        """
        body = self.body(ReviewSerializer)
        check_subject(kind=CONTACT_DETAILS, subject_id=contactId, change_request_id=changeRequestId)
        decide(
            actor=self.actor,
            change_request_id=changeRequestId,
            verdict=Verdict.APPROVE if body["isApproved"] else Verdict.REJECT,
            comment=body["comment"],
            digest=body["digest"],
            parts=None if body["paths"] is None else Parts(paths=body["paths"]),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReturnView(ActorView):
    access = {"POST": Access(WRITE, MEMBERS, member_permission=REVIEW_PERMISSION)}

    @extend_schema(operation_id="returnChangeRequest", tags=TAGS, request=ReturnSerializer, responses={204: None})
    def post(self, request: Request, contactId: int, changeRequestId: int) -> Response:
        """Return a change request to its initiator.

        The initiator may amend it, which makes a new revision to review, or cancel it.

        A member who decides through an application needs one that is approved for it, and confirms with its second
        factor when it allows the application: ApplicationCarriesNoDecisions, ConfirmationRequired (403).

        `subCode`: OwnChangeRequest, AlreadyDecided, NotAReviewer (403); ChangeRequestNotPending (422).
        """
        body = self.body(ReturnSerializer)
        check_subject(kind=CONTACT_DETAILS, subject_id=contactId, change_request_id=changeRequestId)
        decide(
            actor=self.actor,
            change_request_id=changeRequestId,
            verdict=Verdict.RETURN,
            comment=body["comment"],
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
