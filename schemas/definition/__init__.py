"""Definitions: the JSON text that an institution edits, parsed into typed elements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from core.errors import UnprocessableEntity
from schemas.definition.elements import Definition
from schemas.definition.faults import Faults
from schemas.definition.jsontext import read_json_text
from schemas.definition.reading import read_definition


def inspect_definition(text: str, *, lists: Mapping[str, str | None]) -> tuple[Definition | None, Any, Faults]:
    """Return the definition as far as it is readable, the parsed JSON, and all faults by place.

    Definition and JSON are None if the text is not valid JSON. `lists` maps each known list key to its parent list's
    key, or None.
    """
    faults = Faults()
    value = read_json_text(text, faults)
    definition = None if faults else read_definition(value, lists=lists, faults=faults)
    return definition, value, faults


def parse_definition(text: str, *, lists: Mapping[str, str | None]) -> tuple[Definition, dict[str, Any]]:
    """Parse a definition text and return the typed definition and the parsed JSON.

    `lists` is as in `inspect_definition`. Raises UnprocessableEntity `SchemaInvalid` with all faults by place, such as
    `elements[0].elements[2].listKey`; "" is the text as a whole.
    """
    definition, value, faults = inspect_definition(text, lists=lists)
    if definition is None or faults:
        raise invalid(faults.as_properties())
    return definition, value


def typed_definition(value: Any, *, lists: Mapping[str, str | None]) -> Definition:
    """Return the typed definition of parsed JSON. `lists` and what it raises are as in `parse_definition`."""
    faults = Faults()
    definition = read_definition(value, lists=lists, faults=faults)
    if faults:
        raise invalid(faults.as_properties())
    return definition


def invalid(properties: dict[str, list[str]]) -> UnprocessableEntity:
    """Return the `SchemaInvalid` error with these messages by place."""
    return UnprocessableEntity(_("The schema is not valid."), sub_code="SchemaInvalid", properties=properties)


def stored_definition(value: Mapping[str, Any]) -> Definition:
    """Return the typed definition of a published version. Reports no faults: it was valid when it was published."""
    return read_definition(value, lists=None, faults=Faults())


__all__ = ["Definition", "inspect_definition", "invalid", "parse_definition", "stored_definition", "typed_definition"]
