"""The input types of `where` and `order`, named as in Hot Chocolate."""

from __future__ import annotations

from collections.abc import Mapping

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
)

from importexport.graphql.kinds import Kind
from importexport.graphql.naming import TypeNames
from importexport.graphql.tree import Attribute, Branch, Many, Node, Value

ASCENDING, DESCENDING = "ASC", "DESC"
SORT_ORDER = GraphQLEnumType("SortEnumType", {ASCENDING: ASCENDING, DESCENDING: DESCENDING})


class InputTypes:
    """Builds the input types of one GraphQL schema; identical types are built once."""

    def __init__(self, names: TypeNames) -> None:
        self._names = names
        self._operations: dict[str, GraphQLInputObjectType] = {}

    def filter_of(self, branch: Branch, type_name: str) -> GraphQLInputObjectType:
        """Return the filter type of an object: `and`, `or` and its fields."""
        fields = {
            name: GraphQLInputField(self._filter(field, self._names.below(type_name, name)))
            for name, field in branch.fields.items()
            if _is_filter(field)
        }

        def all_fields() -> Mapping[str, GraphQLInputField]:
            combined = GraphQLInputField(GraphQLList(GraphQLNonNull(itself)))
            return {"and": combined, "or": combined, **fields}

        itself = GraphQLInputObjectType(self._names.unique(f"{type_name}FilterInput"), all_fields)
        return itself

    def sort_of(self, branch: Branch, type_name: str) -> GraphQLInputObjectType | None:
        """Return the sort type of an object: its fields except arrays. None if it has no such field."""
        fields: dict[str, GraphQLInputField] = {}
        for name, field in branch.fields.items():
            kind = self._sort(field, self._names.below(type_name, name))
            if kind is not None:
                fields[name] = GraphQLInputField(kind)
        if not fields:
            return None
        # OneOf: the fields of an input object are unordered, so two of them would have no defined precedence.
        return GraphQLInputObjectType(self._names.unique(f"{type_name}SortInput"), fields, is_one_of=True)

    def _filter(self, field: Node, type_name: str) -> GraphQLInputType:
        if isinstance(field, Branch):
            return self.filter_of(field, type_name)
        if isinstance(field, Many):
            if isinstance(field.item, Branch):
                return self._list(
                    self.filter_of(field.item, type_name), self._names.unique(f"{type_name}ListFilterInput")
                )
            kind = field.item.kind
            return self._list(self._operations_of(kind), f"{kind.name}ListOperationFilterInput")
        return self._operations_of(field.kind)

    def _sort(self, field: Node, type_name: str) -> GraphQLInputType | None:
        if isinstance(field, Branch):
            return self.sort_of(field, type_name)
        return SORT_ORDER if isinstance(field, Value) or (isinstance(field, Attribute) and field.is_filter) else None

    def _list(self, item: GraphQLInputObjectType, name: str) -> GraphQLInputObjectType:
        if name not in self._operations:
            fields = {each: GraphQLInputField(item) for each in ("some", "all", "none")}
            self._operations[name] = GraphQLInputObjectType(name, {**fields, "any": GraphQLInputField(GraphQLBoolean)})
        return self._operations[name]

    def _operations_of(self, kind: Kind) -> GraphQLInputObjectType:
        name = f"{kind.name}OperationFilterInput"
        if name not in self._operations:
            single, several = GraphQLInputField(kind.scalar), GraphQLInputField(GraphQLList(kind.scalar))
            self._operations[name] = GraphQLInputObjectType(
                name,
                {operation: several if operation in ("in", "nin") else single for operation in kind.operations},
            )
        return self._operations[name]


def _is_filter(field: Node) -> bool:
    return not isinstance(field, Attribute) or field.is_filter
