"""Where list items are in use.

Schemas cannot know who stores documents. Each app that does joins here, in its `apps.py`, with a function that says
whether an item is in use; an item that is in use cannot be removed (design section 4).
"""

from __future__ import annotations

from django.utils.module_loading import import_string

_checks: list[str] = []


def register_usage_check(path: str) -> None:
    """Join with the dotted path of a function that takes the list's key and the item's key."""
    if path not in _checks:
        _checks.append(path)


def is_in_use(list_key: str, item_key: str) -> bool:
    return any(import_string(check)(list_key, item_key) for check in _checks)
