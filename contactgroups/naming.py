"""What groups without a name of their own are called: the name of what is linked to them, which apps above know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Coalesce


@dataclass(frozen=True, slots=True)
class LinkedNames:
    """The names of entities of one type.

    `name` is that of the entity linked to a group, as an expression over the group's row; `search` returns a subquery
    for the ids of the groups with an entity that matches a search term.
    """

    name: Any
    search: Callable[[str], QuerySet[Any, Any]]


_registered: list[LinkedNames] = []


def register_linked_names(names: LinkedNames) -> None:
    _registered.append(names)


def linked_name() -> Coalesce:
    """Return the name of an entity that is linked to a group, as an expression over the group's row; empty if none."""
    names = [found.name for found in _registered]
    return Coalesce(*names, Value(""), Value(""), output_field=TextField())


def groups_of_entities(term: str) -> list[QuerySet[Any, Any]]:
    """Return subqueries for the ids of the groups with an entity that matches a search term."""
    return [found.search(term) for found in _registered]
