"""The filter of an export: a GraphQL document with one root field, whose `where` selects the rows."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_argument_values,
    get_variable_values,
)

from accounts.actor import Actor
from core.errors import ApiError, BadRequest, UnprocessableEntity
from importexport.graphql.conditions import condition_of
from importexport.graphql.documents import InvalidDocumentError, read_document
from importexport.graphql.roots import ROOTS
from importexport.graphql.schema import current_types
from importexport.graphql.variables import check_variables_are_given

# An export contains every matching row, ordered by id.
NOT_IN_EXPORTS = ("order", "skip", "take")


def filtered_rows(*, query: str, root: str, actor: Actor) -> QuerySet[Any]:
    """Return the rows of `root` that the actor sees and that match the query's `where`, unordered.

    The selection set of the query is ignored.

    Raise BadRequest with line and column if the query is malformed, does not match the schema or is not a single query
    of `root`; UnprocessableEntity beyond the limits and for `order`, `skip` and `take`; Forbidden for attributes that
    are not open to the actor.
    """
    types = current_types()
    try:
        document = read_document(query, types.schema)
    except InvalidDocumentError as invalid:
        raise refusal(invalid.errors) from None
    field, operation = _only_field(document, root)
    arguments = _arguments(types.schema, field, operation)
    refused = [name for name in NOT_IN_EXPORTS if arguments.get(name) is not None]
    if refused:
        raise UnprocessableEntity(
            _("An export contains every row that “where” finds, ordered by id: “%(name)s” is not allowed in it.")
            % {"name": refused[0]}
        )
    rows = ROOTS[root].visible(actor)
    try:
        condition = condition_of(arguments.get("where") or {}, types.branches[root], actor=actor)
    except ApiError as error:
        raise type(error)(f"{_place(GraphQLError('', field))}{error.message}") from None
    return rows if condition is None else rows.filter(condition)


def refusal(errors: list[GraphQLError]) -> BadRequest:
    """Return the errors of a document as one API error: the first is the message, `properties` has all of them."""
    messages = [f"{_place(error)}{error.message}" for error in errors]
    return BadRequest(messages[0], properties={"query": messages})


def _only_field(document: DocumentNode, root: str) -> tuple[FieldNode, OperationDefinitionNode]:
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if len(operations) != 1:
        raise _not_one_query(root, operations[1] if operations else None)
    operation = operations[0]
    selections = operation.selection_set.selections
    if operation.operation is not OperationType.QUERY or len(selections) != 1:
        raise _not_one_query(root, operation)
    field = selections[0]
    if not isinstance(field, FieldNode) or field.name.value != root or field.directives:
        raise _not_one_query(root, field)
    return field, operation


def _arguments(schema: GraphQLSchema, field: FieldNode, operation: OperationDefinitionNode) -> dict[str, Any]:
    """Return the coerced arguments. An export request has no variables, but their defaults apply."""
    query_type = schema.query_type
    if query_type is None:
        raise AssertionError("The schema has no queries.")
    variables = get_variable_values(schema, operation.variable_definitions or (), {})
    if isinstance(variables, list):
        raise refusal(variables)
    check_variables_are_given(field, variables.coerced)
    try:
        return get_argument_values(query_type.fields[field.name.value], field, variables)
    except GraphQLError as error:
        raise refusal([error]) from None


def _not_one_query(root: str, node: Any) -> BadRequest:
    message = _("Expected one query of “%(root)s” and nothing else.") % {"root": root}
    return refusal([GraphQLError(message, node)])


def _place(error: GraphQLError) -> str:
    if not error.locations:
        return ""
    where = error.locations[0]
    return _("Line %(line)s, column %(column)s: ") % {"line": where.line, "column": where.column}
