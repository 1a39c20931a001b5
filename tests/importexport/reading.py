"""Expected contents of exports, computed from the database without the exporting code."""

import csv
import io
import json
from typing import Any

from contacts.models import Contact
from core.documents import value_at
from schemas.compiled import CompiledSchema
from schemas.definition.elements import FieldType

IDENTITY = ["id", "uid", "externalId", "type", "username"]


def read_csv(content: bytes) -> list[dict[str, str]]:
    """Return the rows as dicts by header."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def expected_paths(schema: CompiledSchema) -> list[str]:
    """Return the headers that follow IDENTITY."""
    return [
        field.path
        for field in schema.fields.values()
        if field.is_exportable and not field.is_in_array and (field.is_array or field.type is not FieldType.OBJECT)
    ]


def expected_row(contact: Contact, schema: CompiledSchema) -> dict[str, Any]:
    """Return the cells of a contact; arrays as values, because their JSON text is not unique."""
    connection = contact.external_connections.filter(system="Default").first()
    row: dict[str, Any] = {
        "id": str(contact.pk),
        "uid": str(contact.uid),
        "externalId": connection.external_id if connection else "",
        "type": contact.type.key,
        "username": contact.username or "",
    }
    for path in expected_paths(schema):
        row[path] = as_cell(value_at(contact.details, path))
    return row


def as_cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def parsed(row: dict[str, str], schema: CompiledSchema) -> dict[str, Any]:
    """Return a row from `read_csv` with the cells of arrays parsed."""
    arrays = {field.path for field in schema.fields.values() if field.is_array}
    return {name: json.loads(cell) if name in arrays and cell else cell for name, cell in row.items()}
