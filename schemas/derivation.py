"""Derivation of the JSON Schema (draft 2020-12) that validates documents from a definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs
from django.conf import settings
from django.utils.translation import gettext as _

from core.text import BLANK
from schemas import formats
from schemas.definition import invalid
from schemas.definition.elements import (
    MAX_EXACT_INTEGER,
    NUMBER_TYPES,
    PHONE_TYPES,
    Definition,
    Element,
    FieldElement,
    FieldType,
    Section,
    data_elements,
)
from schemas.engine import DIALECT, deciding_validator
from schemas.formats import MAX_EMAIL_LENGTH, MAX_URL_LENGTH, phone_format
from schemas.localization import text_in

DEFAULT_MAX_ITEMS = 100
MAX_LIST_KEY_LENGTH = 100

# The commonest control and format characters, in a form that every client application can check. The format of one line
# refuses more. Multi-line text has any character but NUL, which PostgreSQL cannot store.
_UNSEEN = "\\u0000-\\u001F\\u007F-\\u009F\\u00AD\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u206F\\uFEFF"
ONE_LINE = f"^[^{_UNSEEN}]*$"
# The format of one line is asked for only where a text is not of Latin letters: it is Python, patterns are not.
_NOT_LATIN = "[^ -~\\u00A1-\\u00AC\\u00AE-\\u024F]"
SEVERAL_LINES = "^[^\\u0000]*$"
NOT_BLANK = "[^\\s{}{}]".format(_UNSEEN, "".join(f"\\u{ord(one):04X}" for one in BLANK))
WEB_SCHEME = "^[Hh][Tt][Tt][Pp][Ss]?://"

_DEFAULT_MAX_LENGTH = {
    FieldType.TEXT: 500,
    FieldType.MULTILINE_TEXT: 10_000,
    FieldType.EMAIL: MAX_EMAIL_LENGTH,
    FieldType.MOBILE: 40,
    FieldType.PHONE: 40,
    FieldType.URL: MAX_URL_LENGTH,
}
_PATTERN = {
    FieldType.TEXT: ONE_LINE,
    FieldType.MULTILINE_TEXT: SEVERAL_LINES,
    FieldType.URL: WEB_SCHEME,
}
_FORMAT = {
    FieldType.EMAIL: "email",
    FieldType.URL: "uri",
    FieldType.DATE: "date",
    FieldType.DATE_TIME: "date-time",
}
_MAY_BE_BLANK = frozenset({FieldType.TEXT, FieldType.MULTILINE_TEXT})


def in_language(json_schema: Mapping[str, Any], definition: Definition, language: str) -> dict[str, Any]:
    """Return a JSON Schema that was derived from the definition, with titles and descriptions in a language."""
    return _localized(json_schema, definition.elements, language)


def _localized(schema: Mapping[str, Any], elements: tuple[Element, ...], language: str) -> dict[str, Any]:
    properties = dict(schema["properties"])
    for element in data_elements(elements):
        found = {name: value for name, value in properties[element.key].items() if name not in ("title", "description")}
        if isinstance(element, FieldElement) and element.is_array and element.elements:
            found["items"] = _localized(found["items"], element.elements, language)
        elif element.elements:
            found = _localized(found, element.elements, language)
        properties[element.key] = _titled(element, found, language)
    return {**schema, "properties": properties}


def derive_json_schema(definition: Definition) -> dict[str, Any]:
    """Return the JSON Schema of the whole document, with the rules as `allOf`. It is titled in the default language."""
    schema = {"$schema": DIALECT, **_object(definition.elements)}
    if definition.rules:
        schema["allOf"] = [dict(rule) for rule in definition.rules]
    return schema


def usable_json_schema(definition: Definition) -> dict[str, Any]:
    """Return the derived JSON Schema. Raises UnprocessableEntity `SchemaInvalid` if it does not compile."""
    json_schema = derive_json_schema(definition)
    try:
        deciding_validator(json_schema)
    except (jsonschema_rs.ValidationError, ValueError):
        raise invalid({"": [_("No JSON Schema can be derived from this definition.")]}) from None
    return json_schema


def is_required(element: Section | FieldElement) -> bool:
    """Return whether the element is required in its object. A section is if any of its fields is."""
    if isinstance(element, FieldElement):
        return element.is_mandatory
    return any(is_required(child) for child in data_elements(element.elements))


def _object(elements: tuple[Element, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
    required = []
    for element in data_elements(elements):
        schema["properties"][element.key] = _titled(element, _property(element), settings.LANGUAGE_CODE)
        if is_required(element):
            required.append(element.key)
    if required:
        schema["required"] = required
    return schema


def _property(element: Section | FieldElement) -> dict[str, Any]:
    if isinstance(element, Section):
        return _object(element.elements)
    value = _value(element)
    if not element.is_array:
        return value
    schema: dict[str, Any] = {"type": "array", "items": value}
    least = max(element.min_items or 0, 1 if element.is_mandatory else 0)
    if least:
        schema["minItems"] = least
    schema["maxItems"] = element.max_items if element.max_items is not None else max(DEFAULT_MAX_ITEMS, least)
    if element.type is FieldType.LIST:
        schema["uniqueItems"] = True
    return schema


def _titled(element: Section | FieldElement, schema: dict[str, Any], language: str) -> dict[str, Any]:
    title = text_in(element.labels, language)
    description = text_in(element.descriptions, language)
    return {
        **({"title": title} if title else {}),
        **({"description": description} if description else {}),
        **schema,
    }


def _value(element: FieldElement) -> dict[str, Any]:
    if element.type is FieldType.OBJECT:
        return _object(element.elements)
    if element.type is FieldType.BOOLEAN:
        return {"type": "boolean"}
    if element.type in NUMBER_TYPES:
        return _number(element)
    if element.type is FieldType.LIST:
        # List items change without a new schema version, so `CompiledSchema.validate` checks keys separately.
        return {"type": "string", "maxLength": MAX_LIST_KEY_LENGTH, "x-listKey": element.list_key}
    return _text(element)


def _number(element: FieldElement) -> dict[str, Any]:
    return {
        "type": "integer" if element.type is FieldType.INTEGER else "number",
        "minimum": -MAX_EXACT_INTEGER if element.minimum is None else element.minimum,
        "maximum": MAX_EXACT_INTEGER if element.maximum is None else element.maximum,
    }


def _text(element: FieldElement) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    is_filled = element.is_mandatory and not element.is_array and element.type in _MAY_BE_BLANK
    least = max(element.min_length or 0, 1 if is_filled else 0)
    if least:
        schema["minLength"] = least
    default = _DEFAULT_MAX_LENGTH.get(element.type)
    if element.max_length is not None:
        schema["maxLength"] = element.max_length
    elif default is not None:
        schema["maxLength"] = max(default, least)
    if element.type in PHONE_TYPES:
        schema["format"] = phone_format(element.type, element.region)
    elif element.type in _FORMAT:
        schema["format"] = _FORMAT[element.type]
    if element.type is FieldType.TEXT:
        schema["if"] = {"pattern": _NOT_LATIN}
        schema["then"] = {"format": formats.ONE_LINE}
    patterns = [
        pattern
        for pattern in (_PATTERN.get(element.type), NOT_BLANK if is_filled else None, element.pattern)
        if pattern is not None
    ]
    if len(patterns) == 1:
        schema["pattern"] = patterns[0]
    elif patterns:
        schema["allOf"] = [{"pattern": pattern} for pattern in patterns]
    return schema
