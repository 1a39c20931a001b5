"""Anonymizing a person in every app: each app registers, in its `apps.py`, how it erases what it holds."""

from collections.abc import Callable, Sequence

from django.db.models import F, Func, JSONField

AnonymizationHandler = Callable[[Sequence[int]], None]

_handlers: list[AnonymizationHandler] = []


def register_anonymization_handler(handler: AnonymizationHandler) -> None:
    """Register a function that takes the ids of contacts and erases what its app holds of them.

    It is called in the transaction that anonymizes them, with their rows locked.
    """
    if handler not in _handlers:
        _handlers.append(handler)


def run_anonymization_handlers(contact_ids: Sequence[int]) -> None:
    """Let every app erase what it holds of these contacts, the last registered first.

    An app finds what it holds through the apps below it, which have registered before: they erase after it.
    """
    for handler in reversed(_handlers):
        handler(contact_ids)


def without_values() -> Func:
    """`changes` without its values, for an update of rows that have such a column.

    Every value becomes null; paths and everything else stay. The triggers that guard the rows call the same function.
    """
    return Func(F("changes"), function="contacts_without_values", output_field=JSONField())
