"""Comparing values for display: long texts word by word, and arrays item by item."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from changerequests.presentation import Mark, Piece

# Texts of at least this many characters are compared word by word, unless one of them has too many words.
COMPARED_BY_WORDS_FROM = 60
MOST_WORDS_COMPARED = 2_000
# Of more changed items than this, those in the same place belong together.
MOST_ITEMS_MATCHED = 100

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
Pieces = tuple[Piece, ...]


def is_long(*texts: str) -> bool:
    """Return whether one of the texts is so long that they are compared word by word."""
    return max(map(len, texts)) >= COMPARED_BY_WORDS_FROM


def compared_words(before: str, after: str) -> tuple[Pieces, Pieces]:
    """Return the pieces of both texts; none if they are short, or have too many words."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if not is_long(before, after) or max(len(old), len(new)) > MOST_WORDS_COMPARED:
        return (), ()
    removed: list[Piece] = []
    added: list[Piece] = []
    for operation, start, end, new_start, new_end in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        is_equal = operation == "equal"
        if start < end:
            removed.append(Piece("".join(old[start:end]), Mark.SAME if is_equal else Mark.REMOVED))
        if new_start < new_end:
            added.append(Piece("".join(new[new_start:new_end]), Mark.SAME if is_equal else Mark.ADDED))
    return tuple(removed), tuple(added)


@dataclass(slots=True)
class Matches:
    """Which items of two arrays belong together, by their places before and after; all others are removed or added.

    `same` are equal and in the same order. `changed` are objects or long texts that are no longer equal.
    """

    same: dict[int, int] = field(default_factory=dict)
    changed: dict[int, int] = field(default_factory=dict)

    def reversed(self) -> "Matches":
        return Matches(*({new: old for old, new in pairs.items()} for pairs in (self.same, self.changed)))


def matched_items(before: Sequence[Any], after: Sequence[Any]) -> Matches:
    """Match the items of an array with those that take their places: of objects, the most similar ones."""
    old, new = _fingerprints(before), _fingerprints(after)
    found = Matches()
    for start, new_start, length in SequenceMatcher(a=old, b=new, autojunk=False).get_matching_blocks():
        found.same |= {start + number: new_start + number for number in range(length)}
    for is_like in (_is_object, _is_long_text):
        gone = [place for place, item in enumerate(before) if is_like(item) and place not in found.same]
        kept = set(found.same.values())
        come = [place for place, item in enumerate(after) if is_like(item) and place not in kept]
        # What has only moved is removed here and added there: its order is what has changed.
        moved = {old[place] for place in gone} & {new[place] for place in come}
        gone = [place for place in gone if old[place] not in moved]
        come = [place for place in come if new[place] not in moved]
        found.changed |= _most_similar(before, after, gone, come)
    return found


def _most_similar(before: Sequence[Any], after: Sequence[Any], gone: list[int], come: list[int]) -> dict[int, int]:
    pairs: dict[int, int] = {}
    if max(len(gone), len(come)) <= MOST_ITEMS_MATCHED:
        alike = [(_shared(before[old], after[new]), old, new) for old in gone for new in come]
        for shared, old, new in sorted(alike, key=lambda found: (-found[0], found[1], found[2])):
            if shared and old not in pairs and new not in pairs.values():
                pairs[old] = new
    taken = set(pairs.values())
    rest = (place for place in gone if place not in pairs), (place for place in come if place not in taken)
    return pairs | dict(zip(*rest, strict=False))


def _shared(before: Any, after: Any) -> int:
    """Return how many values two objects share."""
    if not _is_object(before):
        return 0
    return sum(name in after and _fingerprint(after[name]) == _fingerprint(value) for name, value in before.items())


def _is_object(item: Any) -> bool:
    return isinstance(item, dict)


def _is_long_text(item: Any) -> bool:
    return isinstance(item, str) and is_long(item)


def _fingerprints(items: Iterable[Any]) -> list[str]:
    return [_fingerprint(item) for item in items]


def _fingerprint(item: Any) -> str:
    return json.dumps(item, sort_keys=True)
