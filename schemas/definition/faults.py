"""Collection of a definition's faults by place."""

from __future__ import annotations

from collections.abc import Iterable

# Bounds the size of the response. A text with more faults is hardly a definition.
MAX_FAULTS = 500


class Faults:
    """Messages by place, in the order found. A place is `elements[0].elements[2].listKey`, or "" for the whole text."""

    def __init__(self) -> None:
        self._messages: dict[str, list[str]] = {}
        self._count = 0

    def add(self, place: str, message: str) -> None:
        messages = self._messages.get(place, [])
        if self._count >= MAX_FAULTS or message in messages:
            return
        self._messages.setdefault(place, []).append(message)
        self._count += 1

    def __bool__(self) -> bool:
        return bool(self._messages)

    def as_properties(self) -> dict[str, list[str]]:
        return {place: list(messages) for place, messages in self._messages.items()}


def below(place: str, key: str) -> str:
    return f"{place}.{key[:80]}" if place else key[:80]


def place_at(place: str, path: Iterable[str | int]) -> str:
    """Append a path of keys and indexes to a place."""
    for step in path:
        place = f"{place}[{step}]" if isinstance(step, int) else below(place, step)
    return place
