"""Text positions of the places in a definition, to show faults at their lines."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.definition.faults import below

_TOKEN = re.compile(r'[ \t\r\n]*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^ \t\r\n{}\[\],:"]+)', re.DOTALL)
_LAST_STEP = re.compile(r"(?:^|\.)[^.\[\]]*$|\[[0-9]+\]$")


@dataclass(slots=True)
class _Container:
    """An object or array that is still open."""

    place: str
    is_object: bool
    keys: set[str] = field(default_factory=set)
    index: int = 0
    # The place of the member whose value is next; None while a key is expected.
    member: str | None = None


class Positions:
    """Line and column, both from 1, of every place in a text; for invalid JSON, of the syntax error."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._offsets: dict[str, int] = {}
        self._broken_at: int | None = None
        try:
            json.loads(text, parse_constant=str)
        except json.JSONDecodeError as error:
            self._broken_at = error.pos
        except (ValueError, RecursionError):
            self._broken_at = 0
        else:
            self._scan(text)

    def of(self, place: str) -> tuple[int, int]:
        """Return (line, column) of a place, or of its nearest existing ancestor."""
        if self._broken_at is not None:
            return self._line_and_column(self._broken_at)
        while place and place not in self._offsets:
            place = _LAST_STEP.sub("", place, count=1)
        return self._line_and_column(self._offsets.get(place, 0))

    def located(self, faults: Mapping[str, list[str]]) -> list[PlacedFault]:
        """Return the faults with their positions, in text order."""
        placed = [
            PlacedFault(place, message, *self.of(place)) for place, messages in faults.items() for message in messages
        ]
        return sorted(placed, key=lambda fault: (fault.line, fault.column))

    def _line_and_column(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def _scan(self, text: str) -> None:
        """Record the offset of each place. The text is valid JSON, but may have duplicate keys.

        The position of "" is the first duplicate key, since that fault is reported for the text as a whole.
        """
        stack: list[_Container] = []
        for match in _TOKEN.finditer(text):
            sign, offset = match[1], match.start(1)
            top = stack[-1] if stack else None
            if sign in ("}", "]"):
                stack.pop()
            elif sign == ",":
                if top is not None:
                    top.index += 1
                    top.member = None
            elif top is not None and top.is_object and top.member is None:
                key = json.loads(sign)
                top.member = below(top.place, key)
                if key in top.keys:
                    self._offsets.setdefault("", offset)
                top.keys.add(key)
                self._offsets.setdefault(top.member, offset)
            elif sign != ":":
                place = self._place_of_value(top, offset)
                if sign in ("{", "["):
                    stack.append(_Container(place, sign == "{"))

    def _place_of_value(self, top: _Container | None, offset: int) -> str:
        if top is None:
            return ""
        if top.is_object:
            return top.member or ""
        place = f"{top.place}[{top.index}]"
        self._offsets.setdefault(place, offset)
        return place


@dataclass(frozen=True, slots=True)
class PlacedFault:
    """A fault with its position. The place is "" for the text as a whole."""

    place: str
    message: str
    line: int
    column: int
