"""The fields of a row as a tree: its own attributes, and the fields of its details as its schema defines them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Exists, Expression, F, QuerySet, Subquery, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Collate

from importexport.graphql.expressions import (
    BooleanIn,
    IsNotTrue,
    IsNull,
    JsonAt,
    Meets,
    MomentIn,
    NumberIn,
    Predicate,
    TextAt,
    all_of,
    any_of,
    place_of,
)
from importexport.graphql.kinds import BOOLEAN, DATE, DECIMAL, KINDS, MOMENT, PHONE, TEXT, WHOLE, Kind
from schemas.definition.elements import Element, FieldElement, FieldType, Section, data_elements
from schemas.phones import region_or_default

# Input objects have these in addition to their fields.
COMBINATIONS = ("and", "or")

Path = tuple[str, ...]
Document = Expression | F
Test = Callable[[Any], Predicate]


# How values become what SQL compares.
_CAST: Mapping[Kind, Callable[[Expression], Expression]] = {
    WHOLE: NumberIn,
    DECIMAL: NumberIn,
    BOOLEAN: BooleanIn,
    MOMENT: MomentIn,
}


def _as_it_is(value: Expression) -> Expression:
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A single-valued field of the details. `path` is relative to the document or the enclosing array item.

    `is_indexed`: it has search indexes (`importexport.graphql.indexes`). `region` is where phone numbers are dialled.
    `stand_in`: filters compare this column of the row where the value is absent.
    """

    kind: Kind
    path: Path
    key: str = ""
    description: str | None = None
    is_indexed: bool = False
    region: str = ""
    stand_in: str = ""

    def where(self, test: Test, document: Document) -> Predicate:
        """Return the condition that the value is of its kind and passes a test, or its `stand_in` does."""
        if self.kind in _CAST:
            return test(self.sort_key(document))
        # Not inside of the CASE, which no index knows.
        found = all_of([test(self._uncast(document)), self._is_of_its_kind(document)])
        if not self.stand_in:
            return found
        return any_of([found, all_of([self.absent(document), test(F(self.stand_in))])])

    def absent(self, document: Document) -> Predicate:
        return IsNotTrue(self._is_of_its_kind(document))

    def sort_key(self, document: Document) -> Combinable:
        """Return the value; null if it is absent or not of its kind."""
        value = self._uncast(document)
        return Case(When(self._is_of_its_kind(document), then=_CAST.get(self.kind, _as_it_is)(value)))

    def _uncast(self, document: Document) -> Expression:
        if self.kind in (WHOLE, DECIMAL, BOOLEAN):
            return JsonAt(document, self.path)
        text = TextAt(document, self.path)
        # ISO dates sort by their digits, regardless of the collation of the database.
        return Collate(text, "C") if self.kind is DATE else text

    def _is_of_its_kind(self, document: Document) -> Predicate:
        return Meets(document, place_of(self.path), self.kind.json_test)

    def fits(self, value: Any) -> bool:
        return self.kind.fits(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A value of the row itself: a column, or a column of the single row that `related` finds for it.

    `read` gets it from a row selected for a response. `staff_only` attributes are not open to contacts. A key also has
    `answering`: rows with the keys by which the row is found, those of what was merged into it too.
    """

    kind: Kind
    column: str
    read: Callable[[Any], Any]
    related: Callable[[], QuerySet[Any]] | None = None
    answering: Callable[[], QuerySet[Any]] | None = None
    description: str | None = None
    is_filter: bool = True
    is_never_null: bool = False
    staff_only: bool = False

    def where(self, test: Test, document: Document) -> Predicate:
        """Return the condition that the value passes a test: for related rows as EXISTS, which can be a semi-join."""
        found = test(F(self.column))
        return found if self.related is None else Exists(self.related().filter(found))

    def equals(self, test: Test, document: Document) -> Predicate:
        """Return the condition that the value, or one of what was merged into the row, passes a test for equality."""
        if self.answering is None:
            return self.where(test, document)
        return Exists(self.answering().filter(test(F(self.column))))

    def absent(self, document: Document) -> Predicate:
        return IsNull(F(self.column)) if self.related is None else IsNotTrue(Exists(self.related()))

    def sort_key(self, document: Document) -> Combinable:
        return F(self.column) if self.related is None else Subquery(self.related().values(self.column)[:1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A node with fields, by their GraphQL names: the row, a section, an object or an item of an array of objects.

    `key` is its key in the enclosing object; None for the row and its parts. `is_document`: it is the entire details.
    """

    fields: Mapping[str, Node]
    key: str | None = None
    is_document: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """An array field of the details. Paths below it are relative to the item."""

    item: Value | Branch
    path: Path
    key: str = ""
    description: str | None = None

    def array(self, document: Document) -> Expression:
        return JsonAt(document, self.path)


Node = Value | Attribute | Branch | Many


@dataclass(frozen=True, slots=True)
class _Inherited:
    """Flags that an element inherits from the enclosing objects."""

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
    """Return a branch of the elements of a definition and of `others`, whose names take precedence."""
    fields: dict[str, Node] = dict(others or {})
    for element in data_elements(elements):
        fields[graphql_name(element.key, fields)] = _node(element, path, inherited)
    return Branch(fields=fields, key=key, description=description)


def graphql_name(key: str, taken: Iterable[str]) -> str:
    """Return the key as a GraphQL name: hyphens become underscores, reserved names get a trailing underscore.

    Unique within an object, because schemas reject keys that differ only in hyphens and underscores.
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
            is_indexed=kind in (TEXT, PHONE) and inherited.is_searchable and not inherited.is_in_array,
            region=region_or_default(element.region) if kind is PHONE else "",
        )
    return Many(item=item, path=path, key=element.key, description=description) if element.is_array else item
