"""API operations tagged SchemaManagement."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ANYONE, STAFF, Access
from accounts.views import ActorView
from changerequests.serializers import WaitingSerializer, waiting
from schemas import serializers as shapes
from schemas.lists import Item
from schemas.queries import DEFAULT_LIMIT, current_schema, items_of_lists, layout_elements, search_list, select_fields
from schemas.services import publish_schema

READ, WRITE = "schemas.read", "schemas.write"
TAGS = ["SchemaManagement"]


class SchemaView(ActorView):
    access = {"GET": Access(READ, ANYONE), "PUT": Access(WRITE, STAFF, member_permission="schemas.change_schema")}

    @extend_schema(operation_id="getSchema", tags=TAGS, responses={200: shapes.PublishedSchemaSerializer})
    def get(self, request: Request, key: str) -> Response:
        """Retrieve a schema.

        Returns the definition, the JSON Schema derived from it, and the concurrency token for a later PUT.
        """
        return Response(shapes.PublishedSchemaSerializer(current_schema(key)).data)

    @extend_schema(
        operation_id="putSchema",
        tags=TAGS,
        request=shapes.PutSchemaSerializer,
        responses={200: shapes.ConcurrencyTokenSerializer, 202: WaitingSerializer},
    )
    def put(self, request: Request, key: str) -> Response:
        """Publish a new version of a schema.

        Intended for schema editors. The JSON Schema and the field metadata are derived from the definition. Earlier
        versions are retained, and stored details that violate the new version remain readable. If the definition equals
        the current one, nothing is published and the current token is returned.

        A member's change waits as a change request, as a whole: 202 with its id.

        `subCode`: ConcurrencyTokenMismatch, SchemaInvalid (`properties` lists all faults by place),
        PendingChangeRequestExists.
        """
        body = self.body(shapes.PutSchemaSerializer)
        publication = publish_schema(
            actor=self.actor,
            key=key,
            definition_text=body["schema"],
            json_schema_text=body["jsonSchema"],
            concurrency_token=body["concurrencyToken"],
        )
        if publication.change_request is not None:
            return waiting(publication.change_request)
        return Response(shapes.ConcurrencyTokenSerializer(publication.schema).data)


class JsonSchemaView(ActorView):
    access = {"GET": Access(READ, ANYONE)}

    @extend_schema(operation_id="getJsonSchema", tags=TAGS, responses={200: shapes.JsonSchemaSerializer})
    def get(self, request: Request, key: str) -> Response:
        """Retrieve the JSON Schema of a schema.

        Use it to validate documents before sending them. List fields are plain strings in it: only the server checks
        that they are keys of list items.
        """
        return Response(shapes.JsonSchemaSerializer(current_schema(key)).data)


class LayoutView(ActorView):
    access = {"GET": Access(READ, ANYONE)}

    @extend_schema(operation_id="getSchemaLayout", tags=TAGS, responses={200: shapes.LayoutSerializer})
    def get(self, request: Request, key: str) -> Response:
        """Retrieve the layout of a schema.

        Returns the sections, groups and object fields that contain fields on an input form, as a flat ordered list with
        labels in the language of the request. Each field refers to its layout element by `layoutPathKey`. The first
        element, whose key is empty, is the document itself: it contains the fields that are in no other one.
        """
        return Response({"fields": shapes.LayoutElementSerializer(layout_elements(key), many=True).data})


class FieldsView(ActorView):
    access = {"POST": Access(READ, ANYONE)}

    @extend_schema(
        operation_id="searchFields",
        tags=TAGS,
        request=shapes.FieldsRequestSerializer,
        responses={200: shapes.FieldsSerializer},
    )
    def post(self, request: Request, key: str) -> Response:
        """Retrieve the metadata of a schema's fields.

        Use it to build input forms and to display data. Returns all fields unless `fieldKeys` or `layoutPathKey`
        restrict them; unknown keys answer 422. `isReadOnly` and `isApprovalRequired` apply to members only.
        """
        body = self.body(shapes.FieldsRequestSerializer)
        fields = select_fields(current_schema(key), paths=body["fieldKeys"] or [], layout_path=body["layoutPathKey"])
        return Response({"fields": shapes.FieldMetadataSerializer(fields, many=True).data})


class ListSearchView(ActorView):
    access = {"POST": Access(READ, ANYONE)}

    @extend_schema(
        operation_id="searchList",
        tags=TAGS,
        request=shapes.ListSearchSerializer,
        responses={200: shapes.FoundListItemsSerializer},
    )
    def post(self, request: Request, listKey: str) -> Response:
        """Search the items of a list.

        The filter matches any part of a key or of a name in the language of the request, ignoring case and accents.
        Items that start with it come first. `hierarchyListItemId` restricts the items to the children of one item.
        """
        body = self.body(shapes.ListSearchSerializer)
        found = search_list(
            list_key=listKey,
            term=body["filter"] or "",
            limit=body["limit"] or DEFAULT_LIMIT,
            include_id=body["includeId"],
            is_filtered_by_hierarchy=body["isFilteredByHierarchy"],
            hierarchy_item_id=body["hierarchyListItemId"],
        )
        return Response(
            {"items": [_item_as_json(listKey, item) for item in found.items], "totalCount": found.total_count}
        )


class ListsSearchView(ActorView):
    access = {"POST": Access(READ, ANYONE)}

    @extend_schema(
        operation_id="searchLists",
        tags=TAGS,
        request=shapes.ListsSearchSerializer,
        responses={200: shapes.ListItemsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Retrieve the items of several lists.

        Returns all items of the requested lists, or of all lists if none are given, with names in the language of the
        request. Unknown lists answer 422.
        """
        body = self.body(shapes.ListsSearchSerializer)
        items = items_of_lists(body["listKeys"] or [])
        return Response({"items": [_item_as_json(list_key, item) for list_key, item in items]})


def _item_as_json(list_key: str, item: Item) -> dict[str, Any]:
    """By hand: a serializer would take seconds for the items of all lists."""
    return {
        "id": item.id,
        "listKey": list_key,
        "key": item.key,
        "name": item.name(),
        "parentId": item.parent_id,
        "order": item.order,
    }
