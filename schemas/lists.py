"""In-memory list items: membership, hierarchy, names and search.

Immutable, built once per list revision (see `schemas.queries`) and shared between requests.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from core.text import normalized
from schemas.localization import text_in


@dataclass(frozen=True, slots=True)
class Item:
    id: int
    key: str
    names: Mapping[str, str]
    order: int = 0
    parent_id: int | None = None
    parent_key: str | None = None

    def name(self, language: str | None = None) -> str:
        return text_in(self.names, language, fallback=self.key)


def folded(text: str) -> str:
    """Remove case and accents, so that `zurich` finds Zürich, and Österreich sorts near Oman."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


@dataclass(frozen=True, slots=True)
class _Entry:
    """An item with its folded name in one language and its folded key, for search."""

    item: Item
    name: str
    key: str


class ListData:
    """The items of one list at one revision."""

    def __init__(self, key: str, revision: int, items: Iterable[Item]) -> None:
        self.key = key
        self.revision = revision
        self.items = tuple(items)
        self._entries: dict[str, tuple[_Entry, ...]] = {}

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(item.key for item in self.items)

    @cached_property
    def parents(self) -> Mapping[str, str]:
        """Item key -> key of the parent, for the items that have one."""
        return {item.key: item.parent_key for item in self.items if item.parent_key is not None}

    @cached_property
    def by_key(self) -> Mapping[str, Item]:
        return {item.key: item for item in self.items}

    @cached_property
    def by_id(self) -> Mapping[int, Item]:
        return {item.id: item for item in self.items}

    def name_of(self, key: str, language: str | None = None) -> str:
        """Return the localized name of an item; the key if there is no such item."""
        item = self.by_key.get(key)
        return item.name(language) if item else key

    def sorted_items(self, language: str) -> list[Item]:
        """Return the items sorted by order, then by name in the language."""
        return [entry.item for entry in self._sorted_entries(language)]

    def matching(self, term: str, *, language: str, parent_id: int | None = None) -> list[Item]:
        """Return the items whose name or key contains the term, those that start with it first."""
        wanted = folded(normalized(term))
        first, later = [], []
        for entry in self._sorted_entries(language):
            if parent_id is not None and entry.item.parent_id != parent_id:
                continue
            if entry.name.startswith(wanted) or entry.key.startswith(wanted):
                first.append(entry.item)
            elif wanted in entry.name or wanted in entry.key:
                later.append(entry.item)
        return first + later

    def _sorted_entries(self, language: str) -> tuple[_Entry, ...]:
        found = self._entries.get(language)
        if found is None:
            entries = (_Entry(item, folded(item.name(language)), folded(item.key)) for item in self.items)
            found = tuple(sorted(entries, key=lambda entry: (entry.item.order, entry.name, entry.key)))
            self._entries[language] = found
        return found
