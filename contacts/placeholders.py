"""The details of an anonymized contact: the values that the schema keeps, and placeholders for mandatory fields.

Placeholders follow the schema and identify nobody.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

import rstr

from core.documents import Document, value_at, with_values
from schemas.compiled import CompiledSchema
from schemas.definition.elements import FieldType
from schemas.fields import Field

MAX_ROUNDS = 20
TEXT = "Anonymized"
SIMPLE: Mapping[FieldType, Any] = {
    FieldType.BOOLEAN: False,
    FieldType.DATE: "1900-01-01",
    FieldType.DATE_TIME: "1900-01-01T00:00:00Z",
    FieldType.EMAIL: "anonymized@invalid.example",
    FieldType.MOBILE: "+10000000000",
    FieldType.PHONE: "+10000000000",
    FieldType.URL: "https://anonymized.invalid/",
}


def anonymized_details(schema: CompiledSchema, details: Document) -> Document:
    """Return what remains of `details`.

    Starts with the values to keep and repairs what validation reports: missing values get a placeholder, invalid ones
    are removed. If no placeholder satisfies a rule, the document stays invalid and `manage.py check_details` lists it.
    """
    kept = [field.path for field in schema.fields.values() if field.is_kept_on_anonymization and not field.is_in_array]
    document = with_values({}, {path: value_at(details, path) for path in kept})
    for _round in range(MAX_ROUNDS):
        faulty = {path.partition("[")[0] for path in schema.validate(document)} - {""}
        if not faulty:
            break
        document = with_values(document, {path: _mended(schema, document, path) for path in sorted(faulty)})
    return document


def _mended(schema: CompiledSchema, document: Document, path: str) -> Any:
    field = schema.fields.get(path)
    return placeholder(schema, field, document) if field and value_at(document, path) is None else None


def placeholder(schema: CompiledSchema, field: Field, document: Document) -> Any:
    """Return a valid value: arrays get the minimum of items, but at least one, objects their mandatory fields."""
    if not field.is_array:
        return _one(schema, field, document)
    number = max(field.min_items or 1, 1)
    if field.type is FieldType.LIST:
        return [item.key for item in schema.lists[field.list_key or ""].items[:number]]
    return [_one(schema, field, document)] * number


def _one(schema: CompiledSchema, field: Field, document: Document) -> Any:
    match field.type:
        case FieldType.LIST:
            return _list_item(schema, field, document)
        case FieldType.OBJECT:
            below = [child for child in schema.fields.values() if child.path.rpartition(".")[0] == field.path]
            return {child.key: placeholder(schema, child, document) for child in below if child.is_mandatory}
        case FieldType.INTEGER | FieldType.DECIMAL:
            lowest, highest = field.minimum or 0, field.maximum
            return lowest if highest is None else min(lowest, highest)
        case FieldType.TEXT | FieldType.MULTILINE_TEXT:
            return _text(field)
        case _:
            return SIMPLE[field.type]


def _list_item(schema: CompiledSchema, field: Field, document: Document) -> str:
    items = schema.lists[field.list_key or ""].items
    parent = value_at(document, field.hierarchy_path) if field.hierarchy_path else None
    return next((item.key for item in items if parent is None or item.parent_key == parent), items[0].key)


def _text(field: Field) -> str:
    if field.pattern:
        # The same text for every contact: random text would make them distinguishable.
        return rstr.Rstr(Random(0)).xeger(field.pattern)  # noqa: S311
    longest = field.max_length or len(TEXT)
    return TEXT[:longest].ljust(field.min_length or 0, "x")
