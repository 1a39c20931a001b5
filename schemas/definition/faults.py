"""What is wrong with a definition, place by place."""

from __future__ import annotations

from collections.abc import Iterable

# A definition with more faults than this is not a definition; the answer must stay readable.
MAX_FAULTS = 500


class Faults:
    """Messages by place, in the order found; `elements[0].elements[2].listKey` is a place, "" the whole text."""

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
    """The place that a path of keys and indexes leads to."""
    for step in path:
        place = f"{place}[{step}]" if isinstance(step, int) else below(place, step)
    return place
