"""The output types, and resolvers that read their fields from rows. Values are returned as stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
)
from graphql.type import GraphQLBoolean

from core.errors import UnprocessableEntity
from importexport.graphql.conditions import check_open_to
from importexport.graphql.naming import TypeNames
from importexport.graphql.pages import Page
from importexport.graphql.tree import Attribute, Branch, Many, Node, Value

Resolver = Callable[..., Any]


def _page_field(kind: GraphQLOutputType, read: Callable[[Page], Any], description: str) -> GraphQLField:
    return GraphQLField(kind, resolve=lambda page, _info: read(page), description=description)


PAGE_INFO = GraphQLObjectType(
    "CollectionSegmentInfo",
    {
        "hasNextPage": _page_field(
            GraphQLNonNull(GraphQLBoolean), lambda page: page.has_next_page, "Whether more follows."
        ),
        "hasPreviousPage": _page_field(
            GraphQLNonNull(GraphQLBoolean), lambda page: page.has_previous_page, "Whether something was skipped."
        ),
    },
)


class OutputTypes:
    """Builds the output types of one GraphQL schema."""

    def __init__(self, names: TypeNames) -> None:
        self._names = names

    def page_type(self, branch: Branch, type_name: str, description: str) -> GraphQLObjectType:
        """Return the type of a page of rows."""
        row = self.object_of(branch, type_name, description=description, of_row=True)
        items = GraphQLNonNull(GraphQLList(GraphQLNonNull(row)))
        return GraphQLObjectType(
            f"{type_name}CollectionSegment",
            {
                "items": _page_field(items, lambda page: page.items, "The rows of the page."),
                "totalCount": _page_field(
                    GraphQLNonNull(GraphQLInt), lambda page: page.total_count, "How many rows there are on all pages."
                ),
                "pageInfo": _page_field(GraphQLNonNull(PAGE_INFO), lambda page: page, "Where the page stands."),
            },
        )

    def object_of(
        self, branch: Branch, type_name: str, *, description: str | None = None, of_row: bool = False
    ) -> GraphQLObjectType:
        name = self._names.unique(type_name)
        fields = {
            field_name: self._field(field, field_name, self._names.below(type_name, field_name), of_row=of_row)
            for field_name, field in branch.fields.items()
        }
        return GraphQLObjectType(name, fields, description=description)

    def _field(self, field: Node, name: str, type_name: str, *, of_row: bool) -> GraphQLField:
        if isinstance(field, Attribute):
            scalar = GraphQLNonNull(field.kind.scalar) if field.is_never_null else field.kind.scalar
            return GraphQLField(scalar, resolve=_attribute_resolver(field, name), description=field.description)
        if isinstance(field, Branch):
            # An attribute with parts, such as a contact's type, is read from the row; other branches from the document.
            is_row_part = field.key is None and not field.is_document
            kind = self.object_of(field, type_name, description=field.description, of_row=is_row_part)
            resolve: Resolver = _itself if is_row_part else _object_resolver(field, of_row=of_row)
            return GraphQLField(kind, resolve=resolve, description=field.description)
        if isinstance(field, Many):
            item: GraphQLOutputType
            if isinstance(field.item, Branch):
                item = self.object_of(field.item, type_name, description=field.description)
            else:
                item = field.item.kind.scalar
            return GraphQLField(
                GraphQLList(item), resolve=_array_resolver(field, of_row=of_row), description=field.description
            )
        return GraphQLField(
            field.kind.scalar, resolve=_value_resolver(field, of_row=of_row), description=field.description
        )


def _itself(row: Any, _info: GraphQLResolveInfo) -> Any:
    return row


def _attribute_resolver(attribute: Attribute, name: str) -> Resolver:
    def resolve(row: Any, info: GraphQLResolveInfo) -> Any:
        check_open_to(info.context, attribute, name)
        return attribute.read(row)

    return resolve


def _value_resolver(field: Value, *, of_row: bool) -> Resolver:
    def resolve(source: Any, _info: GraphQLResolveInfo) -> Any:
        value = _document(source, of_row=of_row).get(field.key)
        if value is not None and not field.fits(value):
            raise _unexpected()
        return value

    return resolve


def _object_resolver(branch: Branch, *, of_row: bool) -> Resolver:
    def resolve(source: Any, _info: GraphQLResolveInfo) -> Any:
        document = _document(source, of_row=of_row)
        value = document if branch.is_document else document.get(branch.key or "")
        if value is not None and not isinstance(value, dict):
            raise _unexpected()
        return value

    return resolve


def _array_resolver(field: Many, *, of_row: bool) -> Resolver:
    fits = field.item.fits if isinstance(field.item, Value) else (lambda item: isinstance(item, dict))

    def resolve(source: Any, _info: GraphQLResolveInfo) -> Any:
        value = _document(source, of_row=of_row).get(field.key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(item is None or fits(item) for item in value):
            raise _unexpected()
        return value

    return resolve


def _document(source: Any, *, of_row: bool) -> dict[str, Any]:
    return source.details if of_row else source


def _unexpected() -> UnprocessableEntity:
    """Return the error for a value stored under an earlier schema that does not match the current type."""
    return UnprocessableEntity(_("The stored value is not of the type that the schema gives to it."))
