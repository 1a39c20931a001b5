"""Definitions: the JSON text that an institution edits, read into typed elements (design section 4)."""

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
    """What can be read of a text, the JSON as it was written, and every fault by its place.

    None is read of a text that is no JSON. `lists` maps the key of each known list to that of the list above it, or
    None.
    """
    faults = Faults()
    value = read_json_text(text, faults)
    definition = None if faults else read_definition(value, lists=lists, faults=faults)
    return definition, value, faults


def parse_definition(text: str, *, lists: Mapping[str, str | None]) -> tuple[Definition, dict[str, Any]]:
    """Read the text of a definition: the typed elements, and the JSON as it was written.

    `lists` is that of `inspect_definition`. Raises UnprocessableEntity (`SchemaInvalid`) with every fault by its place,
    `elements[0].elements[2].listKey`; "" is the text as a whole.
    """
    definition, value, faults = inspect_definition(text, lists=lists)
    if definition is None or faults:
        raise invalid(faults.as_properties())
    return definition, value


def invalid(properties: dict[str, list[str]]) -> UnprocessableEntity:
    """The refusal of a definition, with what is wrong at which place."""
    return UnprocessableEntity(_("The schema is not well formed."), sub_code="SchemaInvalid", properties=properties)


def stored_definition(value: Mapping[str, Any]) -> Definition:
    """The typed elements of a definition that was published: it was well formed then, and is what counts now."""
    return read_definition(value, lists=None, faults=Faults())


__all__ = ["Definition", "inspect_definition", "invalid", "parse_definition", "stored_definition"]
