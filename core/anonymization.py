"""Registry of anonymization handlers: each app registers, in its `apps.py`, the function that erases its data."""

from collections.abc import Callable, Sequence

from django.db.models import F, Func, JSONField

AnonymizationHandler = Callable[[Sequence[int]], None]

_handlers: list[AnonymizationHandler] = []


def register_anonymization_handler(handler: AnonymizationHandler) -> None:
    """Register a function that takes contact ids and erases the personal data that its app stores about them.

    The handler runs in the anonymizing transaction, with the contact rows locked.
    """
    if handler not in _handlers:
        _handlers.append(handler)


def run_anonymization_handlers(contact_ids: Sequence[int]) -> None:
    """Run all handlers for these contacts, in reverse order of registration.

    Upper apps register last and find their data through lower apps, so lower apps must erase last.
    """
    for handler in reversed(_handlers):
        handler(contact_ids)


def without_values() -> Func:
    """Return an expression for `update(changes=...)` that nulls every value in `changes` and preserves the paths.

    It calls the same database function as the triggers that guard these rows.
    """
    return Func(F("changes"), function="contacts_without_values", output_field=JSONField())
