"""API operations tagged ContactGroupManagement and ContactGroupAccess."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor
from accounts.idempotency import IDEMPOTENCY_KEY, idempotent
from accounts.permissions import ANYONE, STAFF, Access
from accounts.views import ActorView
from audit.access.models import Way
from audit.access.recording import looked
from changerequests.models import ChangeRequest
from changerequests.serializers import WaitingSerializer, waiting
from contactgroups import serializers as shapes
from contactgroups.models import ContactGroup, EntityType
from contactgroups.permissions import MAY_ADD, MAY_CHANGE, MAY_DELETE
from contactgroups.queries import (
    GroupReference,
    access_from_row,
    access_query,
    contacts_shown,
    groups_of_contact,
    identity_has_access,
    searched_groups,
    visible_group,
    with_visible_members,
)
from contactgroups.services import Membership, change_group, create_group, delete_group
from core.errors import BadRequest
from core.json import rendered
from core.paging import paginate, row_renderer
from core.replica import on_replica
from core.search import uuid_in

READ, WRITE = "groups.read", "groups.write"
MANAGEMENT = ["ContactGroupManagement"]
ACCESS = ["ContactGroupAccess"]

ENTITY_TYPE = OpenApiParameter("entityType", str, OpenApiParameter.PATH, enum=EntityType.values)
IDENTITY_ID = OpenApiParameter(
    "identityId", UUID, OpenApiParameter.PATH, description="The identity id (`uid`) of a member."
)


class GroupsOfContactView(ActorView):
    access = {"GET": Access(READ, ANYONE), "POST": Access(WRITE, STAFF, member_permission=MAY_ADD)}

    @extend_schema(operation_id="getGroupsOfContact", tags=MANAGEMENT, responses={200: shapes.ContactGroupsSerializer})
    def get(self, request: Request, contactId: int) -> Response:
        """Retrieve the contact groups of a contact.

        Each group includes only the contacts that the caller can see.
        """
        groups = groups_of_contact(actor=self.actor, contact_id=contactId)
        _with_members(groups, self.actor)
        return Response(shapes.ContactGroupsSerializer({"groups": groups}).data)

    @extend_schema(
        operation_id="createContactGroup",
        tags=MANAGEMENT,
        parameters=IDEMPOTENCY_KEY,
        request=shapes.ContactGroupSerializer,
        responses={201: shapes.ContactGroupIdSerializer, 202: WaitingSerializer},
    )
    def post(self, request: Request, contactId: int) -> Response:
        """Create a contact group under a contact.

        The contact becomes a member of the group, with the access policy `owner` unless `contacts` gives it another.

        Answers 202 if it waits as a change request: until that is approved there is no group, and its external id is
        reserved.

        Repeating the request with the same `Idempotency-Key` returns the original response and creates no second group.

        `subCode`: DuplicateContact, UnknownContacts, UnknownAccessPolicies, ContactAnonymized, ExternalIdNotUnique,
        IdempotencyKeyReused.
        """
        body = self.body(shapes.ContactGroupSerializer)
        members = _memberships(body.pop("contacts", None)) or []

        def create() -> tuple[Response, str]:
            group = create_group(actor=self.actor, memberships=members, include_contact_id=contactId, **body)
            answer = Response({"id": group.id}, status=status.HTTP_201_CREATED)
            if group.change_request is not None:
                answer = waiting(group.change_request)
            return answer, f"contact-group:{group.id}"

        return idempotent(request, create)


class ContactGroupView(ActorView):
    access = {
        "GET": Access(READ, ANYONE),
        "PUT": Access(WRITE, STAFF, member_permission=MAY_CHANGE),
        "DELETE": Access(WRITE, STAFF, member_permission=MAY_DELETE),
    }

    @extend_schema(operation_id="getContactGroup", tags=MANAGEMENT, responses={200: shapes.ContactGroupRowSerializer})
    def get(self, request: Request, contactGroupId: int) -> Response:
        """Retrieve a contact group.

        Includes only the contacts that the caller can see. A group without any contact that the caller can see answers
        404, unless the caller sees all contacts.
        """
        group = visible_group(actor=self.actor, group_id=contactGroupId)
        _with_members([group], self.actor)
        return Response(shapes.ContactGroupRowSerializer(group).data)

    @extend_schema(
        operation_id="changeContactGroup",
        tags=MANAGEMENT,
        request=shapes.ContactGroupSerializer,
        responses={202: WaitingSerializer, 204: None},
    )
    def put(self, request: Request, contactGroupId: int) -> Response:
        """Change a contact group.

        Absent properties are unchanged; null clears a text. `contacts` replaces the contacts of the group that the
        caller can see; those that it cannot see stay. Absent or null leaves all contacts unchanged. Answers 202 if the
        change waits as a change request.

        `subCode`: DuplicateContact, UnknownContacts, UnknownAccessPolicies, ContactAnonymized, ExternalIdNotUnique,
        PendingChangeRequestExists.
        """
        body = self.body(shapes.ContactGroupSerializer)
        members = _memberships(body.pop("contacts", None))
        return _made(change_group(actor=self.actor, group_id=contactGroupId, memberships=members, **body))

    @extend_schema(operation_id="deleteContactGroup", tags=MANAGEMENT, responses={202: WaitingSerializer, 204: None})
    def delete(self, request: Request, contactGroupId: int) -> Response:
        """Delete a contact group.

        Only possible while no entity is linked to the group. Answers 202 if it waits as a change request.

        `subCode`: GroupHasEntities, PendingChangeRequestExists.
        """
        self.check_no_body()
        return _made(delete_group(actor=self.actor, group_id=contactGroupId))


class GroupSearchView(ActorView):
    access = {"POST": Access(READ, ANYONE)}

    @extend_schema(
        operation_id="searchContactGroups",
        tags=MANAGEMENT,
        request=shapes.GroupCriteriaSerializer,
        responses={200: shapes.PagedContactGroupsSerializer},
    )
    @on_replica
    def post(self, request: Request) -> Response:
        """Search contact groups.

        Returns the groups with at least one contact that the caller can see, ordered by id; callers that see all
        contacts also find groups without any. Criteria are combined with AND; null and empty ones are ignored.
        """
        criteria = self.body(shapes.GroupCriteriaSerializer)
        return Response(
            paginate(
                searched_groups(actor=self.actor, criteria=criteria),
                criteria,
                render=row_renderer(shapes.ContactGroupRowSerializer),
                shown=lambda groups: _with_members(list(groups), self.actor),
            )
        )


# ---- access


class ContactGroupAccessView(ActorView):
    access = {"GET": Access(READ, ANYONE)}
    prefetches = {
        "GET": lambda contactGroupId, contactId: access_query(
            contact_id=contactId, group=GroupReference(contactGroupId)
        )
    }

    @extend_schema(operation_id="checkContactGroupAccess", tags=ACCESS, responses={200: shapes.AccessSerializer})
    def get(self, request: Request, contactGroupId: int, contactId: int) -> HttpResponse:
        """Check whether a contact has access to a contact group.

        A contact has access to the groups that it is a member of.
        """
        return rendered({"hasAccess": access_from_row(self.prefetched)})


class ContactEntityAccessView(ActorView):
    access = {"GET": Access(READ, ANYONE)}
    prefetches = {
        # The view refuses an unknown type; the database must not see it, since it could contain NUL.
        "GET": lambda contactId, entityType, entityId: access_query(
            contact_id=contactId,
            group=GroupReference(entity_type=entityType if entityType in EntityType.values else "", entity_id=entityId),
        )
    }

    @extend_schema(
        operation_id="checkContactEntityAccess",
        tags=ACCESS,
        parameters=[ENTITY_TYPE],
        responses={200: shapes.AccessSerializer},
    )
    def get(self, request: Request, contactId: int, entityType: str, entityId: int) -> HttpResponse:
        """Check whether a contact has access to an entity.

        A contact has access to the entities that are linked to its contact groups.
        """
        _entity_type(entityType)
        return rendered({"hasAccess": access_from_row(self.prefetched)})


class IdentityGroupAccessView(ActorView):
    access = {"GET": Access(READ, STAFF)}

    @extend_schema(
        operation_id="checkIdentityGroupAccess",
        tags=ACCESS,
        parameters=[IDENTITY_ID],
        responses={200: shapes.AccessSerializer},
    )
    def get(self, request: Request, contactGroupId: int, identityId: str) -> HttpResponse:
        """Check whether a member has access to a contact group.

        A member has access if it can see at least one contact of the group: one assigned to it or to a member below it,
        or any if it sees all contacts. A member can query itself and the members below it, or any member if it sees all
        contacts; an application can query any member.
        """
        has_access = identity_has_access(
            actor=self.actor, identity_id=_uuid(identityId), group=GroupReference(contactGroupId)
        )
        return rendered({"hasAccess": has_access})


class IdentityEntityAccessView(ActorView):
    access = {"GET": Access(READ, STAFF)}

    @extend_schema(
        operation_id="checkIdentityEntityAccess",
        tags=ACCESS,
        parameters=[IDENTITY_ID, ENTITY_TYPE],
        responses={200: shapes.AccessSerializer},
    )
    def get(self, request: Request, identityId: str, entityType: str, entityId: int) -> HttpResponse:
        """Check whether a member has access to an entity.

        A member has access if it can see at least one contact of the contact group that the entity is linked to. A
        member can query itself and the members below it, or any member if it sees all contacts; an application can
        query any member.
        """
        group = GroupReference(entity_type=_entity_type(entityType), entity_id=entityId)
        has_access = identity_has_access(actor=self.actor, identity_id=_uuid(identityId), group=group)
        return rendered({"hasAccess": has_access})


def _with_members(groups: Sequence[ContactGroup], actor: Actor) -> Sequence[ContactGroup]:
    """Return the groups with the contacts that the actor sees, and is shown."""
    with_visible_members(groups, actor=actor)
    looked(actor, contacts_shown(groups), way=Way.LISTED)
    return groups


def _made(request: ChangeRequest | None) -> Response:
    """Return the response to a change: 204, or 202 if it waits."""
    return Response(status=status.HTTP_204_NO_CONTENT) if request is None else waiting(request)


def _memberships(contacts: Sequence[Mapping[str, Any]] | None) -> list[Membership] | None:
    return None if contacts is None else [Membership(**contact) for contact in contacts]


def _entity_type(text: str) -> EntityType:
    """Parse the entity type of the path. Raises BadRequest if it is unknown."""
    if text not in EntityType.values:
        expected = _("Expected one of: %(known)s.") % {"known": ", ".join(EntityType.values)}
        raise BadRequest(properties={"entityType": [expected]})
    return EntityType(text)


def _uuid(text: str) -> UUID:
    """Parse the identity id of the path. Raises BadRequest if it is not a UUID."""
    uid = uuid_in(text)
    if uid is None:
        raise BadRequest(properties={"identityId": [_("Expected a UUID.")]})
    return uid
