"""What each permission opens: operations of the API, and pages of the admin.

The app above that knows all pages registers its table.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Openings:
    """The operations and the names of the pages that one permission opens."""

    operations: Sequence[str] = ()
    pages: Sequence[str] = ()


_tables: list[Callable[[], Mapping[str, Openings]]] = []


def register_openings(table: Callable[[], Mapping[str, Openings]]) -> None:
    """Register the function that returns what each permission opens."""
    if table not in _tables:
        _tables.append(table)


def openings_of(permission: str) -> Openings:
    """Return what a permission such as `contacts.add_contact` opens."""
    return next((table()[permission] for table in _tables if permission in table()), Openings())
