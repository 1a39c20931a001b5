"""Example documents of legal entities."""

from typing import Any


def company(**overrides: Any) -> dict[str, Any]:
    """Return a valid document of the default schema. `section={...}` merges into a section; other values replace."""
    document: dict[str, Any] = {
        "name": "Alpöhi Holding AG",
        "registration": {"legalForm": "stock-corporation", "country": "CH", "state": "CH-GR"},
    }
    for key, value in overrides.items():
        document[key] = {**document.get(key, {}), **value} if isinstance(value, dict) else value
    return document
