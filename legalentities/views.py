"""Creating legal entities, reading and changing their details."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.idempotency import IDEMPOTENCY_KEY, idempotent
from accounts.permissions import ANYONE, Access
from accounts.views import ActorView
from contactgroups.services import Membership
from contacts.etags import IF_MATCH, if_match, is_known
from legalentities import serializers as shapes
from legalentities.models import LegalEntity
from legalentities.queries import legal_entity_of_contact, visible_legal_entity
from legalentities.services import create_legal_entity, replace_details

READ, WRITE = "legal-entities.read", "legal-entities.write"
TAGS = ["LegalEntity"]
IF_NONE_MATCH = OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="A known ETag.")


def etag(legal_entity: LegalEntity) -> str:
    """The tag of what a reader gets: the version, and the group, which may change without the details."""
    return f'"{legal_entity.version}-{legal_entity.group_id}"'


class LegalEntitiesView(ActorView):
    access = {"POST": Access(WRITE, ANYONE)}

    @extend_schema(
        operation_id="createLegalEntity",
        tags=TAGS,
        parameters=[IDEMPOTENCY_KEY],
        request=shapes.CreateLegalEntitySerializer,
        responses={201: shapes.CreatedLegalEntitySerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a legal entity.

        It belongs to a new group of the given contacts. A contact that creates one is in the group, as its owner unless
        it says otherwise; callers that do not see all contacts name at least one. The details hold at least every
        mandatory field of the schema `legal-entity` and nothing that the schema does not name; a contact gives the
        mandatory fields and those that the schema opens to it. Takes effect at once, without approval.

        With an `Idempotency-Key` the same request sent again gets the same answer, and creates nothing again.

        `subCode`: ValidationFailed, FieldNotUpdatable, ContactsRequired, UnknownContacts, DuplicateContact,
        ContactAnonymized, UnknownAccessPolicies, IdempotencyKeyReused.
        """
        return self._create(request)

    def _create(self, request: Request) -> Response:
        body = self.body(shapes.CreateLegalEntitySerializer)
        memberships = [Membership(**contact) for contact in body["contacts"] or []]

        def create() -> tuple[Response, str]:
            legal_entity = create_legal_entity(actor=self.actor, details=body["details"], memberships=memberships)
            answer = shapes.CreatedLegalEntitySerializer(legal_entity).data
            # Not a contact: anonymizing one leaves what was answered about a company.
            return Response(answer, status=status.HTTP_201_CREATED), f"legal-entity:{legal_entity.pk}"

        return idempotent(request, create)


class LegalEntitiesV10View(LegalEntitiesView):
    successor = "/v1.1/legalentities"

    @extend_schema(
        operation_id="createLegalEntityV10",
        tags=TAGS,
        parameters=[IDEMPOTENCY_KEY],
        request=shapes.CreateLegalEntitySerializer,
        responses={201: shapes.CreatedLegalEntitySerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a legal entity (superseded).

        Use v1.1 instead, which does the same.
        """
        return self._create(request)


class LegalEntityDetailsView(ActorView):
    access = {"GET": Access(READ, ANYONE), "PUT": Access(WRITE, ANYONE)}

    @extend_schema(
        operation_id="getLegalEntityDetails",
        tags=TAGS,
        parameters=[IF_NONE_MATCH],
        responses={200: shapes.LegalEntityDetailsSerializer, 304: None},
    )
    def get(self, request: Request, legalEntityId: int) -> Response:
        """Retrieve the details of a legal entity.

        A caller sees a legal entity when it has access to its group: a contact that is in it, a member or an
        application that sees one of its contacts. The ETag names the version of the details; send it in `If-Match`
        with a change, or in `If-None-Match` to be told with a 304 that nothing changed.
        """
        return _answer(request, visible_legal_entity(actor=self.actor, legal_entity_id=legalEntityId))

    @extend_schema(
        operation_id="putLegalEntityDetails",
        tags=TAGS,
        parameters=[IF_MATCH],
        request=shapes.ReplaceLegalEntityDetailsSerializer,
        responses={204: None},
    )
    def put(self, request: Request, legalEntityId: int) -> Response:
        """Replace the details of a legal entity.

        The details are the whole document: what it does not name is removed. They must follow the schema. A contact
        changes only fields that the schema opens to it, and none when its access policy in the group is `read-only`
        (403); a member changes no read-only fields, nobody a disabled one. Takes effect at once, without approval.

        `subCode`: ValidationFailed, FieldNotUpdatable, ReadOnlyAccess. With `If-Match`, 412 and the current ETag when
        the details have changed since.
        """
        body = self.body(shapes.ReplaceLegalEntityDetailsSerializer)
        legal_entity = replace_details(
            actor=self.actor,
            legal_entity_id=legalEntityId,
            details=body["details"],
            precondition=if_match(request),
        )
        return Response(status=status.HTTP_204_NO_CONTENT, headers={"ETag": etag(legal_entity)})


class ContactLegalEntityDetailsView(ActorView):
    access = {"GET": Access(READ, ANYONE)}
    successor = "/v1.0/legalentities/{legalEntityId}/details"

    @extend_schema(
        operation_id="getContactLegalEntityDetails",
        tags=TAGS,
        parameters=[IF_NONE_MATCH],
        responses={200: shapes.LegalEntityDetailsSerializer, 304: None},
    )
    def get(self, request: Request, contactId: int, legalEntityId: int) -> Response:
        """Retrieve the details of a legal entity by a contact (superseded).

        Answers only for legal entities of groups that the contact is in.
        """
        return _answer(
            request,
            legal_entity_of_contact(actor=self.actor, contact_id=contactId, legal_entity_id=legalEntityId),
        )


def _answer(request: Request, legal_entity: LegalEntity) -> Response:
    tag = etag(legal_entity)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_known(request, tag):
        return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(shapes.LegalEntityDetailsSerializer(legal_entity).data, headers=headers)
