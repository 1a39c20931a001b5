"""API operations tagged LegalEntity."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import IDEMPOTENCY_KEY, idempotent
from accounts.permissions import ANYONE, Access
from accounts.views import IF_MATCH, IF_NONE_MATCH, ActorView
from changerequests.models import ChangeRequest
from changerequests.serializers import WaitingSerializer, waiting
from contactgroups.services import Membership
from legalentities import serializers as shapes
from legalentities.models import LegalEntity
from legalentities.permissions import MAY_ADD, MAY_CHANGE
from legalentities.queries import legal_entity_of_contact, visible_legal_entity
from legalentities.services import create_legal_entity, replace_details

READ, WRITE = "legal-entities.read", "legal-entities.write"
TAGS = ["LegalEntity"]


def etag(legal_entity: LegalEntity) -> str:
    """Return the ETag of a response: version and group, since the group can change without the details."""
    return f'"{legal_entity.version}-{legal_entity.group_id}"'


class LegalEntitiesView(ActorView):
    access = {"POST": Access(WRITE, ANYONE, member_permission=MAY_ADD)}

    @extend_schema(
        operation_id="createLegalEntity",
        tags=TAGS,
        parameters=IDEMPOTENCY_KEY,
        request=shapes.CreateLegalEntitySerializer,
        responses={201: shapes.CreatedLegalEntitySerializer, 202: WaitingSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a legal entity.

        It belongs to a new contact group with the given contacts. A contact that creates one becomes a member of the
        group, as owner unless it gives itself another policy; other callers that do not see all contacts must name at
        least one. The details must have every mandatory field of the schema `legal-entity` and no unknown fields. A
        contact may set only the mandatory fields and those that the schema makes updatable by contacts.

        Takes effect at once, unless the policies say that a member's creation waits: 202 with the id of the change
        request. The legal entity does not exist before the approval.

        Repeating the request with the same `Idempotency-Key` returns the original response and creates no second
        legal entity.

        `subCode`: ValidationFailed, FieldNotUpdatable, ContactsRequired, UnknownContacts, DuplicateContact,
        ContactAnonymized, UnknownAccessPolicies, IdempotencyKeyReused.
        """
        return self._create(request)

    def _create(self, request: Request) -> Response:
        body = self.body(shapes.CreateLegalEntitySerializer)
        memberships = [Membership(**contact) for contact in body["contacts"] or []]

        def create() -> tuple[Response, str]:
            legal_entity = create_legal_entity(actor=self.actor, details=body["details"], memberships=memberships)
            if isinstance(legal_entity, ChangeRequest):
                return waiting(legal_entity), f"legal-entity:{legal_entity.subject_id}"
            answer = shapes.CreatedLegalEntitySerializer(legal_entity).data
            # The subject is no contact, so the stored response survives the anonymization of contacts.
            return Response(answer, status=status.HTTP_201_CREATED), f"legal-entity:{legal_entity.pk}"

        return idempotent(request, create)


class LegalEntitiesV10View(LegalEntitiesView):
    successor = "/v1.1/legalentities"

    @extend_schema(
        operation_id="createLegalEntityV10",
        tags=TAGS,
        parameters=IDEMPOTENCY_KEY,
        request=shapes.CreateLegalEntitySerializer,
        responses={201: shapes.CreatedLegalEntitySerializer, 202: WaitingSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a legal entity (superseded).

        Use v1.1 instead; it behaves the same.
        """
        return self._create(request)


class LegalEntityDetailsView(ActorView):
    access = {"GET": Access(READ, ANYONE), "PUT": Access(WRITE, ANYONE, member_permission=MAY_CHANGE)}

    @extend_schema(
        operation_id="getLegalEntityDetails",
        tags=TAGS,
        parameters=IF_NONE_MATCH,
        responses={200: shapes.LegalEntityDetailsSerializer, 304: None},
    )
    def get(self, request: Request, legalEntityId: int) -> Response:
        """Retrieve the details of a legal entity.

        A caller can see a legal entity if it has access to its group: contacts that are members of the group, and
        members and applications that can see one of its contacts. The ETag identifies the version of the details. Send
        it in `If-Match` with a change, or in `If-None-Match` to get a 304 if nothing has changed.
        """
        return _answer(self, visible_legal_entity(actor=self.actor, legal_entity_id=legalEntityId))

    @extend_schema(
        operation_id="putLegalEntityDetails",
        tags=TAGS,
        parameters=IF_MATCH,
        request=shapes.ReplaceLegalEntityDetailsSerializer,
        responses={204: None, 202: WaitingSerializer},
    )
    def put(self, request: Request, legalEntityId: int) -> Response:
        """Replace the details of a legal entity.

        `details` is the whole document: absent fields are removed. It must conform to the schema. A contact can change
        only the fields that the schema makes updatable by contacts, and none if its access policy in the group is
        `read-only` (403). Members cannot change read-only fields, and nobody can change disabled ones.

        A member's change of a field that requires approval waits as a change request, as a whole: 202 with its id.

        `subCode`: ValidationFailed, FieldNotUpdatable, ReadOnlyAccess, PendingChangeRequestExists. With `If-Match`,
        answers 412 with the current ETag if the details have changed since.
        """
        body = self.body(shapes.ReplaceLegalEntityDetailsSerializer)
        submission = replace_details(
            actor=self.actor,
            legal_entity_id=legalEntityId,
            details=body["details"],
            versions=self.if_match(),
        )
        if submission.change_request is not None:
            return waiting(submission.change_request)
        return Response(status=status.HTTP_204_NO_CONTENT, headers={"ETag": etag(submission.row)})


class ContactLegalEntityDetailsView(ActorView):
    access = {"GET": Access(READ, ANYONE)}
    successor = "/v1.0/legalentities/{legalEntityId}/details"

    @extend_schema(
        operation_id="getContactLegalEntityDetails",
        tags=TAGS,
        parameters=IF_NONE_MATCH,
        responses={200: shapes.LegalEntityDetailsSerializer, 304: None},
    )
    def get(self, request: Request, contactId: int, legalEntityId: int) -> Response:
        """Retrieve the details of a legal entity by a contact (superseded).

        Answers 404 for legal entities that do not belong to a group of the contact.
        """
        return _answer(
            self,
            legal_entity_of_contact(actor=self.actor, contact_id=contactId, legal_entity_id=legalEntityId),
        )


def _answer(view: ActorView, legal_entity: LegalEntity) -> Response:
    tag = etag(legal_entity)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if view.knows(tag):
        return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(shapes.LegalEntityDetailsSerializer(legal_entity).data, headers=headers)
