"""Registry of checks whether a list item is in use, which prevents its removal.

This app may not import the apps that store documents, so they register their check in their `apps.py`.
"""

from __future__ import annotations

from collections.abc import Callable

UsageCheck = Callable[[str, str], bool]

_checks: list[UsageCheck] = []


def register_usage_check(check: UsageCheck) -> None:
    """Register a function that takes a list key and an item key, and returns whether the item is in use."""
    if check not in _checks:
        _checks.append(check)


def is_in_use(list_key: str, item_key: str) -> bool:
    return any(check(list_key, item_key) for check in _checks)
