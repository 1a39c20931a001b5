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


def parse_definition(text: str, *, lists: Mapping[str, str | None]) -> tuple[Definition, dict[str, Any]]:
    """Read the text of a definition: the typed elements, and the JSON as it was written.

    `lists` maps the key of each known list to the key of the list above it, or None. Raises UnprocessableEntity
    (`SchemaInvalid`) with every fault by its place, `elements[0].elements[2].listKey`; "" is the text as a whole.
    """
    faults = Faults()
    value = read_json_text(text, faults)
    if not faults:
        definition = read_definition(value, lists=lists, faults=faults)
    if faults:
        raise UnprocessableEntity(
            _("The schema is not well formed."), sub_code="SchemaInvalid", properties=faults.as_properties()
        )
    return definition, value


def stored_definition(value: Mapping[str, Any]) -> Definition:
    """The typed elements of a definition that was published: it was well formed then, and is what counts now."""
    return read_definition(value, lists=None, faults=Faults())


__all__ = ["Definition", "parse_definition", "stored_definition"]
