"""The GraphQL schema, built from the published schemas and cached until one of them changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
)

from accounts.actor import Actor
from accounts.queries import with_hierarchy
from accounts.views import check_access
from importexport.graphql.conditions import condition_of
from importexport.graphql.inputs import InputTypes
from importexport.graphql.naming import TypeNames
from importexport.graphql.outputs import OutputTypes
from importexport.graphql.pages import Page, checked_window, ordering_of
from importexport.graphql.roots import ROOTS, Root
from importexport.graphql.tree import Branch
from importexport.graphql.variables import check_variables_are_given
from schemas.models import Schema
from schemas.queries import current_schema

Tokens = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Types:
    """`tokens` are the concurrency tokens of the schemas that the types were built from."""

    tokens: Tokens
    schema: GraphQLSchema
    branches: Mapping[str, Branch]


# Cached per process. The reference is replaced atomically, so no lock is needed.
_latest: Types | None = None


def current_types() -> Types:
    """Return the types of the current schemas. Costs one SQL statement if they are cached."""
    global _latest
    if _latest is None or _latest.tokens != _current_tokens():
        _latest = _build()
    return _latest


def _current_tokens() -> Tokens:
    keys = [root.schema_key for root in ROOTS.values()]
    found = Schema.objects.filter(key__in=keys, current_version__isnull=False)
    return dict(found.values_list("key", "current_version_id"))


def _build() -> Types:
    schemas = {root.name: current_schema(root.schema_key) for root in ROOTS.values()}
    branches = {root.name: root.branch(schemas[root.name].definition) for root in ROOTS.values()}
    return Types(
        tokens={schema.key: schema.concurrency_token for schema in schemas.values()},
        schema=build_schema(branches),
        branches=branches,
    )


def build_schema(branches: Mapping[str, Branch]) -> GraphQLSchema:
    """Build the GraphQL schema from the branch of each root."""
    names = TypeNames()
    outputs, inputs = OutputTypes(names), InputTypes(names)
    fields = {name: _root_field(ROOTS[name], branch, outputs, inputs) for name, branch in branches.items()}
    return GraphQLSchema(GraphQLObjectType("Query", fields))


def _root_field(root: Root, branch: Branch, outputs: OutputTypes, inputs: InputTypes) -> GraphQLField:
    sort = inputs.sort_of(branch, root.type_name)
    arguments = {
        "where": GraphQLArgument(inputs.filter_of(branch, root.type_name)),
        "skip": GraphQLArgument(GraphQLInt),
        "take": GraphQLArgument(GraphQLInt),
    }
    if sort is not None:
        arguments["order"] = GraphQLArgument(GraphQLList(GraphQLNonNull(sort)))

    def resolve(_source: Any, info: GraphQLResolveInfo, **asked: Any) -> Page:
        actor: Actor = info.context
        check_access(actor, root.access)
        for field in info.field_nodes:
            check_variables_are_given(field, info.variable_values.coerced)
        skip, take = checked_window(asked.get("skip"), asked.get("take"))
        rows = root.visible(with_hierarchy(actor))
        condition = condition_of(asked.get("where") or {}, branch, actor=actor)
        if condition is not None:
            rows = rows.filter(condition)
        order = ordering_of(asked.get("order") or [], branch, actor=actor)
        return Page(root, rows, actor=actor, order=order, skip=skip, take=take)

    kind = outputs.page_type(branch, root.type_name, root.description)
    return GraphQLField(kind, arguments, resolve=resolve, description=root.description)
