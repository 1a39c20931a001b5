"""API views for a contact's change requests, tagged ContactChangeRequest."""

from collections.abc import Callable
from functools import cache
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from accounts.models import Member
from accounts.permissions import MEMBERS, STAFF, Access
from accounts.queries import member_seen_by, with_hierarchy
from accounts.views import ActorView
from changerequests.models import ChangeRequestQuerySet, Status
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries import pending_request, visible_request
from changerequests.services import cancel_change_request, review_change_request
from contacts.queries.contacts import check_visible
from contacts.queries.requests import searched_requests
from contacts.serializers import change_requests as shapes
from core.paging import ordered, paginate

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
        found = visible_request(actor=self.actor, subject_id=contactId, change_request_id=changeRequestId)
        return Response(self.shape(found).data)


@extend_schema_view(
    get=extend_schema(operation_id="getChangeRequestV10", tags=TAGS, responses={200: shapes.ChangeRequestV10Serializer})
)
class ChangeRequestV10View(ChangeRequestView):
    shape = shapes.ChangeRequestV10Serializer
    successor = "/v1.1/contacts/{contactId}/change-requests/{changeRequestId}"


class StatusesView(ActorView):
    access = {"GET": Access(READ, STAFF)}

    @extend_schema(operation_id="getChangeRequestStatuses", tags=TAGS, responses={200: shapes.StatusesSerializer})
    def get(self, request: Request) -> Response:
        """List the statuses of change requests.

        The names are localized.
        """
        return Response(shapes.StatusesSerializer({"changeRequestStatuses": list(Status)}).data)


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
        pending = pending_request(actor=self.actor, subject_id=contactId)
        if pending is None:
            check_visible(actor=self.actor, contact_id=contactId)
        return Response(self.shape({"hasPendingChangeRequest": pending is not None, "changeRequest": pending}).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="checkPendingChangeRequestV10", tags=TAGS, responses={200: shapes.PendingCheckV10Serializer}
    )
)
class PendingCheckV10View(PendingCheckView):
    shape = shapes.PendingCheckV10Serializer
    successor = "/v1.1/contacts/{contactId}/pending-change-request/check"


@cache
def _renderer(shape: type[Serializer]) -> Callable[[Any], dict[str, Any]]:
    """Return the function that renders a row. Cached, so that each search does not build the fields again."""
    return shape().to_representation


class _SearchView(ActorView):
    access = {"POST": Access(READ, STAFF)}

    def search(self, criteria: dict[str, Any], shape: type[Serializer], member: Member | None = None) -> Response:
        actor = self.actor if criteria["excludeHierarchy"] else with_hierarchy(self.actor)
        requests = ordered(
            searched_requests(actor=actor, criteria=criteria, member=member),
            criteria,
            columns=shapes.SORT_COLUMNS,
            default="CreateDate",
        )
        return Response(paginate(requests, criteria, render=_renderer(shape), shown=ChangeRequestQuerySet.as_row))


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
        cancel_change_request(actor=self.actor, subject_id=contactId, change_request_id=changeRequestId)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReviewView(ActorView):
    access = {"POST": Access(WRITE, MEMBERS, member_permission=REVIEW_PERMISSION)}

    @extend_schema(
        operation_id="reviewChangeRequest", tags=TAGS, request=shapes.ReviewSerializer, responses={204: None}
    )
    def post(self, request: Request, contactId: int, changeRequestId: int) -> Response:
        """Approve or reject a change request.

        The request must be pending. The reviewer needs the review permission, must see the contact and must not be the
        initiator. Approval applies the changes at once.

        `subCode`: OwnChangeRequest (403); ChangeRequestNotPending, ChangeRequestOutdated, ValidationFailed,
        UsernameNotUnique, UsernameRequired (422).
        """
        body = self.body(shapes.ReviewSerializer)
        review_change_request(
            actor=self.actor,
            subject_id=contactId,
            change_request_id=changeRequestId,
            is_approved=body["isApproved"],
            comment=body["comment"],
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
