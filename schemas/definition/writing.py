"""Formatting of definitions for editing: properties in reading order, short values on one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from schemas.definition.elements import FLAGS, ITEM_CONSTRAINTS, LENGTH_CONSTRAINTS, NUMBER_CONSTRAINTS

LINE_LENGTH = 100
_INDENT = "  "
_ORDER = (
    "key",
    "type",
    "isArray",
    "label",
    "description",
    "listKey",
    "hierarchyFieldKey",
    "region",
    *FLAGS,
    *LENGTH_CONSTRAINTS,
    "pattern",
    *NUMBER_CONSTRAINTS,
    *ITEM_CONSTRAINTS,
    "elements",
    "rules",
)
_RANK = {name: number for number, name in enumerate(_ORDER)}
_LANGUAGES = {"en": -1}


def definition_text(value: Mapping[str, Any]) -> str:
    """Return the definition as text, `key` first and `elements` last. jsonb returns keys ordered by length."""
    return _written(value, "")


def _written(value: Any, indent: str) -> str:
    short = json.dumps(_ordered(value), ensure_ascii=False)
    # Elements with children always span several lines, however short.
    is_container = isinstance(value, dict) and ("elements" in value or "rules" in value)
    if not isinstance(value, dict | list) or not value or (not is_container and len(indent + short) <= LINE_LENGTH):
        return short
    inner = indent + _INDENT
    if isinstance(value, dict):
        members = _sorted(value)
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_written(item, inner)}" for key, item in members]
        return "{\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _written(item, inner) for item in value) + f"\n{indent}]"


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(item) for key, item in _sorted(value)}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    return value


def _sorted(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(value.items(), key=lambda member: _RANK.get(member[0], _LANGUAGES.get(member[0], len(_RANK))))
