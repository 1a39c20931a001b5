"""The operations tagged ContactChangeRequest."""

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
from contacts.queries import check_visible, searched_requests
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

        With the changes that it asks for, and which of them made the approval necessary.
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
        """Enumerate the statuses of change requests.

        Their names are localized.
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
        """Check whether a change request of a contact is pending.

        If there is one, it is named with who asked for it and when.
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
    """What renders a row: its fields are made once, not for every search."""
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

        Only requests about contacts that the caller sees, the latest first. A member sees the contacts of the members
        below it too, unless `excludeHierarchy` is set. Criteria combine with AND; one that is null is not applied.
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
        """Search the change requests that a member sees (superseded).

        The member is the caller or stands below it; an application may name any. People are named by their numeric id.
        """
        criteria = self.body(shapes.ChangeRequestCriteriaV10Serializer)
        member = member_seen_by(actor=self.actor, member_id=memberId)
        return self.search(criteria, shapes.ChangeRequestRowV10Serializer, member)


class CancelView(ActorView):
    access = {"POST": Access(WRITE, MEMBERS)}

    @extend_schema(operation_id="cancelChangeRequest", tags=TAGS, request=None, responses={204: None})
    def post(self, request: Request, contactId: int, changeRequestId: int) -> Response:
        """Cancel a change request.

        Possible while it is pending, and only for the member who asked for it.

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

        Possible while it is pending, for a member who holds the review permission, sees the contact and did not ask
        for the change. An approval makes the changes at once.

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
