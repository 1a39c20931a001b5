"""Where list items are in use.

Schemas cannot know who stores documents. Each app that does registers, in its `apps.py`, a function that says whether
an item is in use; an item that is in use cannot be removed.
"""

from __future__ import annotations

from collections.abc import Callable

UsageCheck = Callable[[str, str], bool]

_checks: list[UsageCheck] = []


def register_usage_check(check: UsageCheck) -> None:
    """Register a function that takes the list's key and the item's key."""
    if check not in _checks:
        _checks.append(check)


def is_in_use(list_key: str, item_key: str) -> bool:
    return any(check(list_key, item_key) for check in _checks)
