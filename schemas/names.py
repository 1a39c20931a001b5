"""What the documents of a schema are called. The app that owns them registers it in its `apps.py`."""

from django.utils.functional import Promise

_names: dict[str, str | Promise] = {}


def register_schema_name(key: str, name: str | Promise) -> None:
    _names[key] = name


def schema_name(key: str) -> str:
    """Return the name in the active language, or the key of a schema that no app has named."""
    return str(_names.get(key, key))
