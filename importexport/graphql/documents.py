"""Parsing of GraphQL documents. Size limits are checked before the costly validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    validate,
)

from core.errors import UnprocessableEntity

MAX_LENGTH = 20_000
MAX_DEPTH = 12
# The standard introspection query nests `ofType` nine times.
MAX_INTROSPECTION_DEPTH = 20
MAX_ROOT_FIELDS = 10
MAX_FIELDS = 1_000
MAX_ERRORS = 20

INTROSPECTION = ("__schema", "__type")


class InvalidDocumentError(Exception):
    """The document is malformed or does not match the schema; `errors` has the reasons with their locations."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors)
        self.errors = errors


def read_document(query: str, schema: GraphQLSchema) -> DocumentNode:
    """Return the validated document. Raise InvalidDocumentError, or UnprocessableEntity if it exceeds a limit."""
    if len(query) > MAX_LENGTH:
        raise UnprocessableEntity(_("The query has more than %(limit)s characters.") % {"limit": MAX_LENGTH})
    try:
        document = parse(query)
    except GraphQLError as error:
        raise InvalidDocumentError([error]) from None
    _check_size(document)
    errors = validate(schema, document, max_errors=MAX_ERRORS)
    if errors:
        raise InvalidDocumentError(errors)
    return document


@dataclass(frozen=True, slots=True)
class _Size:
    """Size of a selection set with its fragments expanded: fields and spreads, depth, top-level fields."""

    selections: int = 0
    depth: int = 0
    fields_at_top: int = 0
    introspections: int = 0


def _check_size(document: DocumentNode) -> None:
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    measure = _Measure(fragments)
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    sizes = [measure.of(operation.selection_set) for operation in operations]
    # Validation reads every fragment, including unused ones.
    counts = [sum(size.selections for size in sizes), *(measure.of_fragment(name).selections for name in fragments)]
    if max(counts) > MAX_FIELDS:
        raise UnprocessableEntity(_("The query selects more than %(limit)s fields.") % {"limit": MAX_FIELDS})
    if any(size.depth > MAX_DEPTH for size in sizes):
        raise UnprocessableEntity(_("The query is nested more than %(limit)s levels deep.") % {"limit": MAX_DEPTH})
    if any(size.fields_at_top > MAX_ROOT_FIELDS for size in sizes):
        raise UnprocessableEntity(_("The query selects more than %(limit)s things.") % {"limit": MAX_ROOT_FIELDS})
    if any(size.introspections > 1 for size in sizes):
        raise UnprocessableEntity(_("The query requests the types more than once."))


class _Measure:
    """Measures each fragment once, so that nested fragments cost linear time."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._measured: dict[str, _Size] = {}

    def of_fragment(self, name: str) -> _Size:
        """Return the size of a fragment; zero if it is unknown or recursive, which validation rejects later."""
        if name not in self._measured:
            self._measured[name] = _Size()
            if name in self._fragments:
                self._measured[name] = self.of(self._fragments[name].selection_set)
        return self._measured[name]

    def of(self, selection_set: SelectionSetNode | None) -> _Size:
        selections = depth = fields_at_top = introspections = 0
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode):
                below = self.of(selection.selection_set)
                levels = below.depth + 1
                if selection.name.value in INTROSPECTION:
                    introspections += 1
                    # Introspection has its own depth limit.
                    levels = 1 if levels <= MAX_INTROSPECTION_DEPTH else levels
                fields_at_top += 1
            else:
                below = self._spread(selection)
                levels = below.depth
                fields_at_top += below.fields_at_top
            selections += below.selections + 1
            introspections += below.introspections
            depth = max(depth, levels)
        return _Size(selections, depth, fields_at_top, introspections)

    def _spread(self, selection: object) -> _Size:
        if isinstance(selection, FragmentSpreadNode):
            return self.of_fragment(selection.name.value)
        if isinstance(selection, InlineFragmentNode):
            return self.of(selection.selection_set)
        raise AssertionError(f"{type(selection).__name__} is no selection")
