"""The operations tagged ContactManagement."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ANYONE, STAFF, Access
from accounts.views import ActorView
from changerequests.queries import with_pending_request
from changerequests.services import Submission, patch_details, replace_details
from contacts import serializers as shapes
from contacts.etags import etag, if_match, is_known, version_tag
from contacts.models import Contact, ExternalConnection
from contacts.queries import (
    change_history,
    check_visible,
    connection_holder,
    no_such_contact,
    pending_channels,
    visible_contact,
    with_pending_channels,
)
from contacts.services.connections import add_external_connection
from contacts.services.creation import create_contact
from contacts.services.usernames import change_username
from core.correlation import adopt_correlation_id
from core.errors import BadRequest
from core.paging import ordered, page_of

READ, WRITE = "contacts.read", "contacts.write"
TAGS = ["ContactManagement"]


class ContactsView(ActorView):
    access = {"POST": Access(WRITE, STAFF)}

    @extend_schema(
        operation_id="createContact",
        tags=TAGS,
        request=shapes.CreateContactSerializer,
        responses={201: shapes.CreatedContactSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a contact.

        Takes effect at once: a new contact needs no approval, and its addresses no verification. The details hold at
        least every mandatory field of the schema `contact` and nothing that the schema does not name. The contact
        belongs to the participants of its creator; a member who creates it is assigned to it. A username is
        required unless it follows the email or an external identity provider keeps it.

        `subCode`: ValidationFailed, FieldNotUpdatable, UsernameRequired, UsernameNotUnique, UsernameCoupledWithEmail.
        """
        body = self.body(shapes.CreateContactSerializer)
        if body["correlationId"] is not None:
            adopt_correlation_id(body["correlationId"])
        contact = create_contact(
            actor=self.actor, type_id=body["contactTypeId"], username=body["username"], details=body["details"]
        )
        return Response(shapes.CreatedContactSerializer(contact).data, status=status.HTTP_201_CREATED)


class ContactDetailsView(ActorView):
    access = {"GET": Access(READ, ANYONE), "PATCH": Access(WRITE, ANYONE), "PUT": Access(WRITE, ANYONE)}

    @extend_schema(
        operation_id="getContactDetails",
        tags=TAGS,
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="A known ETag.")],
        responses={200: shapes.DetailsSerializer, 304: None},
    )
    def get(self, request: Request, contactId: int) -> Response:
        """Retrieve the details of a contact.

        The ETag names the version of the details; send it in `If-Match` with a change, or in `If-None-Match` to be
        told with a 304 that nothing changed.
        """
        contacts = with_pending_request(with_pending_channels(Contact.objects.visible_to(self.actor)))
        contact: Any = contacts.filter(pk=contactId).first()
        if contact is None:
            raise no_such_contact()
        headers = {"ETag": etag(contact), "Cache-Control": "private, no-cache"}
        if is_known(request, contact):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        return Response(shapes.DetailsSerializer(contact).data, headers=headers)

    @extend_schema(
        operation_id="patchContactDetails",
        tags=TAGS,
        parameters=[OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The ETag that was read.")],
        request=shapes.SubmitDetailsSerializer,
        responses={200: shapes.SubmittedDetailsSerializer},
    )
    def patch(self, request: Request, contactId: int) -> Response:
        """Change some details of a contact.

        The details are a JSON Merge Patch (RFC 7396): objects merge, arrays are given whole, null removes. The result
        must follow the schema. A contact changes only fields that the schema opens to it, a member no read-only
        ones, nobody a disabled one. When a member changes a field that requires approval, the whole submission waits
        as a change request. A new email or mobile number that must be verified waits for its key.

        `subCode`: ValidationFailed, FieldNotUpdatable, PendingChangeRequestExists, UsernameNotUnique,
        UsernameRequired. With `If-Match`, 412 and the current ETag when the details have changed since.
        """
        body = self.body(shapes.SubmitDetailsSerializer)
        return self._answer(
            patch_details(
                actor=self.actor,
                contact_id=contactId,
                patch=body["details"],
                comment=body["comment"],
                precondition=if_match(request),
            )
        )

    @extend_schema(
        operation_id="putContactDetails",
        tags=TAGS,
        parameters=[OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The ETag that was read.")],
        request=shapes.SubmitDetailsSerializer,
        responses={200: shapes.SubmittedDetailsSerializer},
    )
    def put(self, request: Request, contactId: int) -> Response:
        """Replace the details of a contact.

        The details are the whole document: what it does not name is removed. Everything else is as with PATCH.

        `subCode`: ValidationFailed, FieldNotUpdatable, PendingChangeRequestExists, UsernameNotUnique,
        UsernameRequired. With `If-Match`, 412 and the current ETag when the details have changed since.
        """
        body = self.body(shapes.SubmitDetailsSerializer)
        return self._answer(
            replace_details(
                actor=self.actor,
                contact_id=contactId,
                details=body["details"],
                comment=body["comment"],
                precondition=if_match(request),
            )
        )

    def _answer(self, submission: Submission) -> Response:
        return Response(
            {
                "isApprovalRequired": submission.change_request is not None,
                **pending_channels(submission.contact),
            },
            headers={"ETag": version_tag(submission.contact)},
        )


class HistorySearchV10View(ActorView):
    access = {"POST": Access(READ, ANYONE)}
    successor = "/v1.1/contacts/{contactId}/details/change-history/search"

    @extend_schema(
        operation_id="searchChangeHistoryV10",
        tags=TAGS,
        request=shapes.HistoryCriteriaV10Serializer,
        responses={200: shapes.PagedChangeSetsV10Serializer},
    )
    def post(self, request: Request, contactId: int) -> Response:
        """Search the change history of a contact (superseded).

        People are named by their numeric id. Use v1.1 instead.
        """
        criteria = self.body(shapes.HistoryCriteriaV10Serializer)
        return _history_page(self, contactId, criteria, shapes.ChangeSetV10Serializer)


class HistorySearchView(ActorView):
    access = {"GET": Access(READ, ANYONE), "POST": Access(READ, ANYONE)}
    query_parameters = frozenset(shapes.HistoryCriteriaSerializer().fields)

    @extend_schema(
        operation_id="searchChangeHistory",
        tags=TAGS,
        request=shapes.HistoryCriteriaSerializer,
        responses={200: shapes.PagedChangeSetsSerializer},
    )
    def post(self, request: Request, contactId: int) -> Response:
        """Search the change history of a contact.

        Changes come grouped by the submission that made them, the latest first. The execution date is when they were
        made, whenever they were asked for. Sort by contactChangeSetId, executionDate or initiatorPersonId.
        """
        return _history_page(self, contactId, self.body(shapes.HistoryCriteriaSerializer), shapes.ChangeSetSerializer)

    @extend_schema(
        operation_id="listChangeHistory",
        tags=TAGS,
        parameters=[shapes.HistoryCriteriaSerializer],
        responses={200: shapes.PagedChangeSetsSerializer},
    )
    def get(self, request: Request, contactId: int) -> Response:
        """Search the change history of a contact by query parameters.

        The same search as POST; repeat `paths` and `initiatorPersonUids` to name several.
        """
        criteria = self.query(shapes.HistoryCriteriaSerializer)
        return _history_page(self, contactId, criteria, shapes.ChangeSetSerializer)


HISTORY_COLUMNS = {
    "contactChangeSetId": "id",
    "executionDate": "executed_at",
    "initiatorPersonId": "initiator_member",
}


def _history_page(
    view: ActorView, contact_id: int, criteria: Mapping[str, Any], shape: type[shapes.ChangeSetSerializer]
) -> Response:
    check_visible(actor=view.actor, contact_id=contact_id)
    history = ordered(
        change_history(contact_id=contact_id, criteria=criteria),
        criteria,
        columns=HISTORY_COLUMNS,
        default="contactChangeSetId",
    )
    return Response(page_of(history, criteria, render=lambda change_set: shape(change_set).data))


class UsernameView(ActorView):
    access = {"GET": Access(READ, ANYONE), "PUT": Access(WRITE, ANYONE)}

    @extend_schema(operation_id="getUsername", tags=TAGS, responses={200: shapes.UsernameSerializer})
    def get(self, request: Request, contactId: int) -> Response:
        """Retrieve the username of a contact."""
        contact = visible_contact(actor=self.actor, contact_id=contactId)
        return Response({"username": contact.username})

    @extend_schema(operation_id="putUsername", tags=TAGS, request=shapes.UsernameSerializer, responses={204: None})
    def put(self, request: Request, contactId: int) -> Response:
        """Give a contact another username.

        Only where the username neither follows the email nor is kept by an external identity provider. It must be
        unique over all contacts, whatever its case.

        `subCode`: UsernameRequired, UsernameNotUnique, UsernameCoupledWithEmail, UsernameManagedExternally.
        """
        body = self.body(shapes.UsernameSerializer)
        change_username(actor=self.actor, contact_id=contactId, username=body["username"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExternalConnectionsView(ActorView):
    access = {"GET": Access(READ, STAFF), "POST": Access(WRITE, STAFF)}

    @extend_schema(
        operation_id="getExternalConnections", tags=TAGS, responses={200: shapes.ExternalConnectionsSerializer}
    )
    def get(self, request: Request, contactId: int) -> Response:
        """Retrieve what other systems call a contact.

        `Default` is the system of the import.
        """
        contact = visible_contact(actor=self.actor, contact_id=contactId)
        return Response(shapes.ExternalConnectionsSerializer({"connections": contact.external_connections.all()}).data)

    @extend_schema(
        operation_id="addExternalConnection",
        tags=TAGS,
        request=shapes.AddExternalConnectionSerializer,
        responses={204: None},
    )
    def post(self, request: Request, contactId: int) -> Response:
        """Record what another system calls a contact.

        An external id is unique over all contacts, whatever the system. Recording the same one again changes nothing.

        `subCode`: ExternalIdNotUnique, ExternalConnectionExists.
        """
        body = self.body(shapes.AddExternalConnectionSerializer)
        if body["externalId"] is None:
            raise BadRequest(properties={"externalId": [_("An external id is required.")]})
        add_external_connection(
            actor=self.actor,
            contact_id=contactId,
            system=body["system"] or ExternalConnection.DEFAULT_SYSTEM,
            external_id=body["externalId"],
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConnectionHolderView(ActorView):
    access = {"GET": Access(READ, STAFF)}

    @extend_schema(
        operation_id="getContactByExternalConnection", tags=TAGS, responses={200: shapes.ContactIdsSerializer}
    )
    def get(self, request: Request, system: str, externalId: str) -> Response:
        """Retrieve the ids of the contact that another system knows by an id."""
        contact = connection_holder(actor=self.actor, system=system, external_id=externalId)
        return Response(shapes.ContactIdsSerializer(contact).data)
