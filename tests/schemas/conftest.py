"""Definitions and default schemas, compiled without a database."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

import schemas
from schemas.compiled import CompiledSchema
from schemas.definition import parse_definition
from schemas.derivation import derive_json_schema
from schemas.isodata import iso_lists
from schemas.lists import Item, ListData

DATA = Path(schemas.__file__).parent / "data"


@lru_cache
def shipped_lists() -> Mapping[str, ListData]:
    """Return the default lists without a database."""
    lists: dict[str, ListData] = {}
    for content in iso_lists():
        above = lists.get(content.parent_key or "")
        lists[content.key] = ListData(
            content.key,
            1,
            [
                Item(
                    number,
                    item.key,
                    item.names,
                    item.order,
                    above.by_key[item.parent_key].id if above and item.parent_key else None,
                    item.parent_key,
                )
                for number, item in enumerate(content.items, start=1)
            ],
        )
    for content in json.loads((DATA / "lists.json").read_text("utf-8")):
        items = [Item(number, item["key"], item["names"]) for number, item in enumerate(content["items"], start=1)]
        lists[content["key"]] = ListData(content["key"], 1, items)
    return lists


def list_parents() -> dict[str, str | None]:
    return {key: "country" if key == "state" else None for key in shipped_lists()}


def compiled(definition: Mapping[str, Any] | str, *, version_id: int = 1) -> CompiledSchema:
    """Return the compiled schema of a definition, like `current_schema`."""
    text = definition if isinstance(definition, str) else json.dumps(definition)
    typed, value = parse_definition(text, lists=list_parents())
    return CompiledSchema(
        key="contact",
        schema_id=1,
        version_id=version_id,
        version_number=1,
        definition=typed,
        definition_json=value,
        json_schema=derive_json_schema(typed),
        lists=shipped_lists(),
    )


def shipped_text(key: str) -> str:
    return (DATA / f"{key}.json").read_text("utf-8")


@lru_cache
def shipped(key: str) -> CompiledSchema:
    return compiled(shipped_text(key))


def field(key: str, kind: str = "text", **properties: Any) -> dict[str, Any]:
    return {"key": key, "type": kind, "label": {"en": key.title()}, **properties}


def section(key: str, *elements: dict[str, Any], kind: str = "section") -> dict[str, Any]:
    return {"key": key, "type": kind, "label": {"en": key.title()}, "elements": list(elements)}


def schema_of(*elements: dict[str, Any], rules: list[Any] | None = None) -> CompiledSchema:
    return compiled({"elements": list(elements), "rules": rules or []})


@pytest.fixture
def contact_schema() -> CompiledSchema:
    return shipped("contact")


@pytest.fixture
def contact_definition() -> Callable[[], dict[str, Any]]:
    """Return a new copy of the default definition, which tests may modify."""
    return lambda: json.loads(shipped_text("contact"))
