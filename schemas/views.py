"""The operations tagged SchemaManagement."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ANYONE, STAFF, Access
from accounts.views import ActorView
from schemas import serializers as shapes
from schemas.lists import Item
from schemas.queries import DEFAULT_LIMIT, current_schema, items_of_lists, search_list, select_fields
from schemas.services import publish_schema

READ, WRITE = "schemas.read", "schemas.write"
TAGS = ["SchemaManagement"]


class SchemaView(ActorView):
    access = {"GET": Access(READ, ANYONE), "PUT": Access(WRITE, STAFF, member_permission="schemas.change_schema")}

    @extend_schema(operation_id="getSchema", tags=TAGS, responses={200: shapes.SchemaSerializer})
    def get(self, request: Request, key: str) -> Response:
        """Retrieve a schema.

        Answers with the definition, the JSON Schema derived from it, and the token that a change of it must name.
        """
        return Response(shapes.SchemaSerializer(current_schema(key)).data)

    @extend_schema(
        operation_id="putSchema",
        tags=TAGS,
        request=shapes.PutSchemaSerializer,
        responses={200: shapes.ConcurrencyTokenSerializer},
    )
    def put(self, request: Request, key: str) -> Response:
        """Publish a new version of a schema.

        For the schema editor. The JSON Schema and the fields' metadata follow from the definition; earlier versions
        are kept. Details that violate the new version stay readable. A definition that says what the current one says
        publishes nothing and answers with the current token.

        `subCode`: ConcurrencyTokenMismatch, SchemaInvalid (`properties` has the place of every fault).
        """
        body = self.body(shapes.PutSchemaSerializer)
        schema = publish_schema(
            actor=self.actor,
            key=key,
            definition_text=body["schema"],
            json_schema_text=body["jsonSchema"],
            concurrency_token=body["concurrencyToken"],
        )
        return Response(shapes.ConcurrencyTokenSerializer(schema).data)


class JsonSchemaView(ActorView):
    access = {"GET": Access(READ, ANYONE)}

    @extend_schema(operation_id="getJsonSchema", tags=TAGS, responses={200: shapes.JsonSchemaSerializer})
    def get(self, request: Request, key: str) -> Response:
        """Retrieve the JSON Schema of a schema.

        For checking documents before they are sent. List fields are text in it: whether the text is the key of an item
        is checked by the server alone.
        """
        return Response(shapes.JsonSchemaSerializer(current_schema(key)).data)


class LayoutView(ActorView):
    access = {"GET": Access(READ, ANYONE)}

    @extend_schema(operation_id="getSchemaLayout", tags=TAGS, responses={200: shapes.LayoutSerializer})
    def get(self, request: Request, key: str) -> Response:
        """Retrieve the layout of a schema.

        The sections, groups and object fields that an input form draws around fields, flat and in order, with labels in
        the language of the request. The fields say by `layoutPathKey` where they stand.
        """
        return Response({"fields": shapes.LayoutElementSerializer(current_schema(key).layout, many=True).data})


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

        For input forms and for showing data. All fields unless `fieldKeys` or `layoutPathKey` narrow them; a key that
        the schema does not have answers 422. `isReadOnly` and `isApprovalRequired` concern members alone.
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
        responses={200: shapes.FoundItemsSerializer},
    )
    def post(self, request: Request, listKey: str) -> Response:
        """Look up items of a list.

        The filter is looked for in names, in the language of the request, and in keys, whatever case and accents; items
        that begin with it come first. A hierarchy narrows them to the children of one item.
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
        responses={200: shapes.ItemsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Retrieve the items of several lists.

        All items of the lists named, or of all lists when none is named, with names in the language of the request. A
        list that does not exist answers 422.
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
