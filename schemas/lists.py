"""A list's items, held in memory: membership, hierarchy, names and search.

Built once per revision of the list (see `schemas.queries`), shared by every request, never changed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

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
    """Without case and accents, so that `zurich` finds Zürich, and Österreich sorts beside Oman."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


# Of names and keys alone: what people type must not fill a cache.
_folded_name = lru_cache(maxsize=65_536)(folded)


class ListData:
    """The items of one list at one revision."""

    def __init__(self, key: str, revision: int, items: Iterable[Item]) -> None:
        self.key = key
        self.revision = revision
        self.items = tuple(items)
        self._sorted: dict[str, tuple[Item, ...]] = {}

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
        """The localized name of an item; its key when the list has none such."""
        item = self.by_key.get(key)
        return item.name(language) if item else key

    def sorted_items(self, language: str) -> tuple[Item, ...]:
        """By order, then by name in the language."""
        found = self._sorted.get(language)
        if found is None:
            found = tuple(
                sorted(self.items, key=lambda item: (item.order, _folded_name(item.name(language)), item.key))
            )
            self._sorted[language] = found
        return found

    def matching(self, term: str, *, language: str, parent_id: int | None = None) -> Iterator[Item]:
        """The items whose name or key holds the term, those that begin with it first."""
        wanted = folded(term.strip())
        candidates = self.sorted_items(language)
        if parent_id is not None:
            candidates = tuple(item for item in candidates if item.parent_id == parent_id)
        if not wanted:
            yield from candidates
            return
        later = []
        for item in candidates:
            name, key = _folded_name(item.name(language)), _folded_name(item.key)
            if name.startswith(wanted) or key.startswith(wanted):
                yield item
            elif wanted in name or wanted in key:
                later.append(item)
        yield from later
