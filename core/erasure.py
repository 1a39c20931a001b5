"""Erasing a person from every app: each app joins, in its `apps.py`, with how it erases what it holds."""

from collections.abc import Sequence

from django.utils.module_loading import import_string

_erasers: list[str] = []


def register_eraser(path: str) -> None:
    """Join with the dotted path of a function that takes the ids of contacts.

    It is called in the transaction that erases them, with their rows locked.
    """
    if path not in _erasers:
        _erasers.append(path)


def erase_everywhere(contact_ids: Sequence[int]) -> None:
    """Let every app erase what it holds of these contacts, those first that joined last.

    An app finds what it holds through the apps below it, which have joined before: they erase after it.
    """
    for path in reversed(_erasers):
        import_string(path)(contact_ids)
