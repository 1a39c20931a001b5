"""API views to create and anonymize contacts, and for their usernames and external connections."""

from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import IDEMPOTENCY_KEY, contact_subject, idempotent
from accounts.permissions import ANYONE, STAFF, Access
from accounts.views import IF_NONE_MATCH, ActorView
from audit.access.recording import looked
from changerequests.models import ChangeRequest
from changerequests.serializers import WaitingSerializer, waiting
from contacts.duplicates import HEADER, REFUSE_DUPLICATES, checked_level, contact_written, refuse_duplicates
from contacts.models import ExternalConnection
from contacts.permissions import MAY_ADD, MAY_ANONYMIZE, MAY_CHANGE_DETAILS
from contacts.queries.contacts import connection_holder, connections_to, visible_contact
from contacts.queries.details import contact_from_row, contact_query
from contacts.serializers import contacts as shapes
from contacts.services.anonymization import anonymize_contacts
from contacts.services.connections import add_external_connection
from contacts.services.creation import create_contact
from contacts.services.identity import change_username
from contacts.views.tags import READ, TAGS, WRITE
from core.correlation import of_body
from core.errors import UnprocessableEntity


class ContactsView(ActorView):
    access = {"POST": Access(WRITE, STAFF, member_permission=MAY_ADD)}

    @extend_schema(
        operation_id="createContact",
        tags=TAGS,
        parameters=[*IDEMPOTENCY_KEY, *REFUSE_DUPLICATES],
        request=shapes.CreateContactSerializer,
        responses={201: shapes.CreatedContactSerializer, 202: WaitingSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a contact.

        The details must contain every mandatory field of the schema `contact`, and nothing that is not in the schema.
        The contact gets its creator's participants; a member who creates it is assigned to it. A username is required
        unless it follows the email or an external identity provider manages it. Addresses need no verification.

        Takes effect at once, unless the policies say that a member's creation waits: 202 with the id of the change
        request. The contact does not exist before the approval, but nobody else can take its username.

        With an `Idempotency-Key`, sending the same request again returns the same response and creates nothing, also
        after the contact was anonymized: then it is refused.

        With `X-Refuse-Duplicates`, a contact is refused if the caller sees one that is `probable`, or at least
        `possible`, to be the same person; `properties.candidates` has the ids. Calls at once see each other's contact.

        `subCode`: ValidationFailed, FieldNotUpdatable, UsernameRequired, UsernameNotUnique, UsernameCoupledWithEmail,
        IdempotencyKeyReused, ContactAnonymized, ProbableDuplicate.
        """
        body = self.body(shapes.CreateContactSerializer)
        of_body.set(body["correlationId"] or None)
        level = checked_level(request.headers[HEADER]) if HEADER in request.headers else None

        def create() -> tuple[Response, str]:
            if level:
                refuse_duplicates(actor=self.actor, details=body["details"], level=level)
            made = create_contact(
                actor=self.actor, type_id=body["contactTypeId"], username=body["username"], details=body["details"]
            )
            if level and not isinstance(made, ChangeRequest):
                contact_written(made.pk)
            if isinstance(made, ChangeRequest):
                return waiting(made), contact_subject(made.subject_id or 0)
            answer = shapes.CreatedContactSerializer(made).data
            return Response(answer, status=status.HTTP_201_CREATED), contact_subject(made.pk)

        # Until it is created, others wait who create somebody similar.
        return idempotent(request, transaction.atomic(create) if level else create)


class ContactView(ActorView):
    access = {"GET": Access(READ, ANYONE)}
    prefetches = {"GET": contact_query}

    @extend_schema(
        operation_id="getContact",
        tags=TAGS,
        parameters=IF_NONE_MATCH,
        responses={200: shapes.ContactSerializer, 304: None},
    )
    def get(self, request: Request, contactId: int) -> Response:
        """Retrieve a contact.

        Its ids, name, type and username, without the details. The ETag identifies what was read: send it in
        `If-None-Match` to get a 304 if nothing has changed.

        A contact that was merged is shown as it was, and `mergedIntoId` says which one answers for it: at every other
        operation the id means that one.
        """
        contact = contact_from_row(self.prefetched)
        looked(self.actor, [contact.id])
        headers = {"ETag": contact.etag, "Cache-Control": "private, no-cache"}
        if self.knows(contact.etag):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        return Response(shapes.ContactSerializer(contact).data, headers=headers)


class AnonymizeView(ActorView):
    access = {"POST": Access("anonymize", STAFF, member_permission=MAY_ANONYMIZE)}

    @extend_schema(
        operation_id="anonymizeContacts",
        tags=TAGS,
        request=shapes.AnonymizeSerializer,
        responses={204: None, 202: WaitingSerializer},
    )
    def post(self, request: Request) -> Response:
        """Anonymize contacts.

        Anonymizes all contacts given by id or uid, or none. Values that the schema keeps stay, and mandatory fields get
        placeholders; usernames, addresses, pictures, external connections, logins and every value in the history are
        erased. Pending change requests are cancelled. The contacts can no longer be changed. Repeating the call changes
        nothing.

        A member's call waits as one change request about all of them: 202 with its id.

        `subCode`: UnknownContacts, NothingToAnonymize, TooManyContacts, PendingChangeRequestExists.
        """
        body = self.body(shapes.AnonymizeSerializer)
        found = anonymize_contacts(
            actor=self.actor, contact_ids=body["contactIds"] or [], contact_uids=body["contactUIds"] or []
        )
        if found.change_request is not None:
            return waiting(found.change_request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class UsernameView(ActorView):
    access = {"GET": Access(READ, ANYONE), "PUT": Access(WRITE, ANYONE, member_permission=MAY_CHANGE_DETAILS)}

    @extend_schema(operation_id="getUsername", tags=TAGS, responses={200: shapes.UsernameSerializer})
    def get(self, request: Request, contactId: int) -> Response:
        """Retrieve the username of a contact."""
        contact = visible_contact(actor=self.actor, contact_id=contactId)
        looked(self.actor, [contact.pk])
        return Response({"username": contact.username})

    @extend_schema(
        operation_id="putUsername",
        tags=TAGS,
        request=shapes.PutUsernameSerializer,
        responses={204: None, 202: WaitingSerializer},
    )
    def put(self, request: Request, contactId: int) -> Response:
        """Change the username of a contact.

        Possible only if the username does not follow the email and no external identity provider manages it. Usernames
        are unique across all contacts, ignoring case. Where the policies say so, a member's change waits: 202.

        `subCode`: UsernameRequired, UsernameNotUnique, UsernameCoupledWithEmail, UsernameManagedExternally,
        PendingChangeRequestExists.
        """
        body = self.body(shapes.PutUsernameSerializer)
        asked = change_username(actor=self.actor, contact_id=contactId, username=body["username"])
        return waiting(asked) if asked else Response(status=status.HTTP_204_NO_CONTENT)


class ExternalConnectionsView(ActorView):
    access = {"GET": Access(READ, STAFF), "POST": Access(WRITE, STAFF, member_permission=MAY_CHANGE_DETAILS)}

    @extend_schema(
        operation_id="getExternalConnections", tags=TAGS, responses={200: shapes.ExternalConnectionsSerializer}
    )
    def get(self, request: Request, contactId: int) -> Response:
        """List the external connections of a contact.

        The system `Default` is that of the import. Those of the contacts that were merged into it are among them.
        """
        contact = visible_contact(actor=self.actor, contact_id=contactId)
        looked(self.actor, [contact.pk])
        return Response(shapes.ExternalConnectionsSerializer({"connections": connections_to(contact.pk)}).data)

    @extend_schema(
        operation_id="addExternalConnection",
        tags=TAGS,
        request=shapes.AddExternalConnectionSerializer,
        responses={204: None, 202: WaitingSerializer},
    )
    def post(self, request: Request, contactId: int) -> Response:
        """Add an external connection to a contact.

        An external id is unique across all contacts and systems. Adding the same one again changes nothing. Where the
        policies say so, a member's change waits: 202.

        `subCode`: ExternalIdNotUnique, ExternalConnectionExists, ValidationFailed, PendingChangeRequestExists.
        """
        body = self.body(shapes.AddExternalConnectionSerializer)
        if body["externalId"] is None:
            raise UnprocessableEntity(
                sub_code="ValidationFailed", properties={"externalId": [_("An external id is required.")]}
            )
        asked = add_external_connection(
            actor=self.actor,
            contact_id=contactId,
            system=body["system"] or ExternalConnection.DEFAULT_SYSTEM,
            external_id=body["externalId"],
        )
        return waiting(asked) if asked else Response(status=status.HTTP_204_NO_CONTENT)


class ConnectionHolderView(ActorView):
    access = {"GET": Access(READ, STAFF)}

    @extend_schema(
        operation_id="getContactByExternalConnection", tags=TAGS, responses={200: shapes.ContactIdsSerializer}
    )
    def get(self, request: Request, system: str, externalId: str) -> Response:
        """Retrieve the ids of the contact that has an external connection."""
        contact = connection_holder(actor=self.actor, system=system, external_id=externalId)
        looked(self.actor, [contact.pk])
        return Response(shapes.ContactIdsSerializer(contact).data)
