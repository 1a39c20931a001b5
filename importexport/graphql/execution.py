"""Execution of queries, with errors in the GraphQL format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from graphql import GraphQLError, GraphQLResolveInfo, execute_sync

from accounts.actor import Actor
from core.correlation import correlation_id
from core.errors import ApiError, BadRequest, UnprocessableEntity
from core.exception_handlers import as_api_error
from core.replica import on_replica, raise_failure
from importexport.graphql.documents import InvalidDocumentError, read_document
from importexport.graphql.schema import current_types

# Per response, including array items: about 200 rows with every field of a large schema.
MAX_VALUES = 100_000

Response = dict[str, Any]
Resolver = Callable[..., Any]


class AnswerTooLarge(BaseException):
    """Aborts an execution. Not an Exception: graphql-core records those as errors of one field and continues."""


def within_limit() -> Resolver:
    """Return a middleware that raises AnswerTooLarge once more than MAX_VALUES fields are resolved."""
    left = MAX_VALUES

    def resolve(inner: Resolver, source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise AnswerTooLarge
        return inner(source, info, **arguments)

    return resolve


@on_replica
def execute_query(
    *, query: str, variables: Mapping[str, Any] | None, operation_name: str | None, actor: Actor
) -> Response:
    """Return the response to a query: `data`, `errors` or both, as in the GraphQL specification. Never raises."""
    try:
        types = current_types()
        document = read_document(query, types.schema)
        result = execute_sync(
            types.schema,
            document,
            context_value=actor,
            variable_values=dict(variables or {}),
            operation_name=operation_name,
            middleware=[within_limit()],
        )
        raise_failure(error.original_error for error in result.errors or ())
    except InvalidDocumentError as invalid:
        return {"errors": [as_json(error) for error in invalid.errors]}
    except AnswerTooLarge:
        too_large = UnprocessableEntity(_("The answer would be too large: take fewer rows or select fewer fields."))
        return _refusal(too_large)
    except ApiError as error:
        return _refusal(error)
    response: Response = {}
    if result.errors:
        response["errors"] = [as_json(error) for error in result.errors]
    # Request errors, such as a missing variable or an unknown operation, must not have a `data` entry.
    if result.data is not None or not result.errors or any(error.path for error in result.errors):
        response["data"] = result.data
    return response


def as_json(error: GraphQLError) -> dict[str, Any]:
    """Return the error in the format of the specification. Errors of graphql-core itself become BadRequest."""
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    return _as_json(BadRequest(error.message) if original is None else as_api_error(original), error)


def _as_json(reason: ApiError, error: GraphQLError | None = None) -> dict[str, Any]:
    shown: dict[str, Any] = {"message": str(reason.message)}
    if error is not None and error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error is not None and error.path:
        shown["path"] = error.path
    return {**shown, "extensions": {"code": reason.code, "correlationId": correlation_id()}}


def _refusal(reason: ApiError) -> Response:
    return {"errors": [_as_json(reason)]}
