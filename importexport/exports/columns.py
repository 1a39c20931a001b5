"""The columns of an export: model fields, then all fields that the schema marks as exportable."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Case, F, FilteredRelation, Func, JSONField, Q, QuerySet, TextField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, NullIf

from contacts.models import CONTACT_SCHEMA, Contact, ExternalConnection
from importexport.graphql.expressions import IsNotTrue, Meets, Predicate, TextAt, all_of, place_of
from importexport.graphql.kinds import KINDS
from importexport.models import ExportKind
from legalentities.models import LEGAL_ENTITY_SCHEMA, LegalEntity
from schemas import fields
from schemas.compiled import CompiledSchema
from schemas.definition.elements import FieldType
from schemas.queries import current_schema

_CONNECTION = "default_connection"
_IS_ARRAY, _IS_OBJECT = '@.type() == "array"', '@.type() == "object"'


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its header, its SQL expression, and whether it may contain arbitrary text."""

    header: str
    expression: Combinable
    is_text: bool = True


def columns_of(kind: str) -> list[Column]:
    """Return the columns for this kind, in order, starting with the id. Raise NotFound if there is no schema."""
    if kind == ExportKind.CONTACTS:
        return [
            *_identity(),
            Column("externalId", F(f"{_CONNECTION}__external_id")),
            Column("type", F("type__key")),
            Column("username", F("username")),
            *_details(current_schema(CONTACT_SCHEMA)),
        ]
    return [*_identity(), Column("externalId", F("external_id")), *_details(current_schema(LEGAL_ENTITY_SCHEMA))]


def with_connection(rows: QuerySet[Contact]) -> QuerySet[Contact]:
    """Join the external id that imports use, for the column `externalId`."""
    is_default = Q(external_connections__system=ExternalConnection.DEFAULT_SYSTEM)
    return rows.annotate(**{_CONNECTION: FilteredRelation("external_connections", condition=is_default)})


def _identity() -> list[Column]:
    return [Column("id", F("id"), is_text=False), Column("uid", F("uid"), is_text=False)]


def _details(schema: CompiledSchema) -> list[Column]:
    return [Column(field.path, value_of(field)) for field in exported_fields(schema.fields.values())]


def exported_fields(all_fields: Iterable[fields.Field]) -> Iterator[fields.Field]:
    """Yield the fields that have a column, in layout order.

    An array is one column that includes its items. Other objects have no column, but their fields do. An exportable
    field of an array that is not exportable is one column with the values of all items.
    """
    whole: set[str] = set()
    for field in all_fields:
        is_within = any(field.path.startswith(f"{path}.") for path in whole)
        if not field.is_exportable or is_within:
            continue
        is_whole = field.is_array or field.is_in_array
        if field.type is FieldType.OBJECT and not is_whole:
            continue
        if is_whole:
            whole.add(field.path)
        yield field


def value_of(field: fields.Field) -> Combinable:
    """Return an expression for the text of a field in `details`; null if absent, or not of the field's type.

    Of a field in an array, the values of its type.
    """
    keys = field.path.split(".")
    test = _IS_OBJECT if field.type is FieldType.OBJECT else KINDS[field.type].json_test
    if not field.is_in_array:
        details, place = F("details"), place_of(keys)
        fits = _holds_only(details, place, test) if field.is_array else Meets(details, place, test)
        return Case(When(fits, then=TextAt(details, keys)))
    place = "$" + "".join(f'."{key}"[*]' for key in keys[:-1]) + f'."{keys[-1]}"'
    if not field.is_array:
        place = f"{place} ? ({test})"
    found = Func(
        F("details"),
        Func(Value(place), template="%(expressions)s::jsonpath"),
        function="jsonb_path_query_array",
        output_field=JSONField(),
    )
    return Cast(NullIf(found, Value([], output_field=JSONField())), TextField())


def _holds_only(details: F, place: str, test: str) -> Predicate:
    """Return whether there is an array of values that meet the test."""
    others = Meets(details, f"{place}[*]", f"@ != null && !({test})")
    return all_of([Meets(details, place, _IS_ARRAY), IsNotTrue(others)])


MODELS: dict[str, type[Contact] | type[LegalEntity]] = {
    ExportKind.CONTACTS: Contact,
    ExportKind.LEGAL_ENTITIES: LegalEntity,
}
