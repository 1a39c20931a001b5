"""What a row offers to a query, as a tree: its own attributes, and what its schema says that its details hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Expression, F, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Collate

from importexport.graphql.expressions import (
    BooleanOf,
    IsNotTrue,
    IsNull,
    JsonAt,
    MomentOf,
    NumberOf,
    Predicate,
    TextAt,
)
from importexport.graphql.kinds import BOOLEAN, DATE, DECIMAL, KINDS, MOMENT, TEXT, WHOLE, Kind
from schemas.definition.elements import Element, FieldElement, FieldType, Section, data_elements

# Input objects have these beside the names of their fields.
COMBINATIONS = ("and", "or")

Path = tuple[str, ...]
Document = Expression | F
Test = Callable[[Any], Predicate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A field of the details that holds one value, at a path below the document or the array item around it.

    One that `is_indexed` has a search index (`importexport.graphql.indexes`).
    """

    kind: Kind
    path: Path
    key: str = ""
    description: str | None = None
    is_indexed: bool = False

    def expression(self, document: Document) -> Expression:
        if self.kind in (WHOLE, DECIMAL):
            return NumberOf(JsonAt(document, self.path))
        if self.kind is BOOLEAN:
            return BooleanOf(JsonAt(document, self.path))
        text = TextAt(document, self.path)
        if self.kind is MOMENT:
            return MomentOf(text)
        # Days are ordered as their digits are, whatever the language of the database.
        return Collate(text, "C") if self.kind is DATE else text

    def where(self, test: Test, document: Document) -> Predicate:
        """That the value passes a test."""
        return test(self.expression(document))

    def absent(self, document: Document) -> Predicate:
        return IsNull(self.expression(document))

    def sort_key(self, document: Document) -> Combinable:
        return self.expression(document)

    def fits(self, value: Any) -> bool:
        return self.kind.fits(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A value of the row itself: a column, or the column of the one row that `related` finds for it.

    `read` takes it from a row as it was selected for an answer. Contacts do not see what is `staff_only`.
    """

    kind: Kind
    column: str
    read: Callable[[Any], Any]
    related: Callable[[], QuerySet[Any]] | None = None
    description: str | None = None
    is_filter: bool = True
    is_never_null: bool = False
    staff_only: bool = False

    def where(self, test: Test, document: Document) -> Predicate:
        """That the value passes a test; through a subquery that PostgreSQL may start from."""
        found = test(F(self.column))
        return found if self.related is None else Exists(self.related().filter(found))

    def absent(self, document: Document) -> Predicate:
        return IsNull(F(self.column)) if self.related is None else IsNotTrue(Exists(self.related()))

    def sort_key(self, document: Document) -> Combinable:
        return F(self.column) if self.related is None else Subquery(self.related().values(self.column)[:1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """What has fields by their names in GraphQL: the row, a section, an object, an item of an array of objects.

    `key` is where it stands in the object around it; None for the row and its parts. The branch that `is_document` is
    the whole of the details.
    """

    fields: Mapping[str, Node]
    key: str | None = None
    is_document: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """A field of the details that holds an array; the paths of what stands in its items begin anew."""

    item: Value | Branch
    path: Path
    key: str = ""
    description: str | None = None

    def array(self, document: Document) -> Expression:
        return JsonAt(document, self.path)


Node = Value | Attribute | Branch | Many


@dataclass(frozen=True, slots=True)
class _Inherited:
    """What an element has from the elements around it: the flag of an object is that of its fields too."""

    is_searchable: bool = False
    is_in_array: bool = False


_NOTHING = _Inherited()


def branch_of(
    elements: tuple[Element, ...],
    *,
    path: Path = (),
    key: str | None = None,
    description: str | None = None,
    others: Mapping[str, Node] | None = None,
    inherited: _Inherited = _NOTHING,
) -> Branch:
    """What the elements of a definition hold, beside `others`, which keep their names."""
    fields: dict[str, Node] = dict(others or {})
    for element in data_elements(elements):
        fields[graphql_name(element.key, fields)] = _node(element, path, inherited)
    return Branch(fields=fields, key=key, description=description)


def graphql_name(key: str, taken: Iterable[str]) -> str:
    """A key as GraphQL can name it: no hyphens, and an underscore at the end of what has a meaning already.

    No two keys of an object differ in hyphens and underscores alone: schemas refuse that.
    """
    name = key.replace("-", "_")
    while name in taken or name in COMBINATIONS:
        name += "_"
    return name


def _node(element: Section | FieldElement, above: Path, inherited: _Inherited) -> Node:
    path = (*above, element.key)
    description = element.labels.get("en")
    if isinstance(element, Section):
        return branch_of(element.elements, path=path, key=element.key, description=description)
    inherited = _Inherited(
        is_searchable=inherited.is_searchable or element.is_searchable,
        is_in_array=inherited.is_in_array or element.is_array,
    )
    below = () if element.is_array else path
    item: Value | Branch
    if element.type is FieldType.OBJECT:
        item = branch_of(element.elements, path=below, key=element.key, description=description, inherited=inherited)
    else:
        kind = KINDS[element.type]
        item = Value(
            kind=kind,
            path=below,
            key=element.key,
            description=description,
            is_indexed=kind is TEXT and inherited.is_searchable and not inherited.is_in_array,
        )
    return Many(item=item, path=path, key=element.key, description=description) if element.is_array else item
