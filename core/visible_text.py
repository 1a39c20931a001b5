"""Text shown so that different texts look different.

A reviewer must not approve what nobody can see. Marked are characters without a shape of their own, characters that
change the direction of others, spaces at the ends and next to each other, and letters of another script than the word
around them. Two texts that look alike have the same skeleton, after Unicode Technical Standard 39.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from itertools import groupby

from confusable_homoglyphs.categories import alias
from confusable_homoglyphs.confusables import confusables_data

from core.text import code_point, is_ignorable, is_invisible, name_of

# Characters that other scripts share, or that take on the script around them.
_SCRIPTLESS = frozenset({"COMMON", "INHERITED", "UNKNOWN"})
# Scripts that are written together.
_WRITTEN_TOGETHER = (
    frozenset({"HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"HAN", "HANGUL"}),
    frozenset({"HAN", "BOPOMOFO"}),
)
# Latin letters, digits and punctuation with single spaces between: most values.
_PLAIN = re.compile(r"(?:[!-~\n\u00c0-\u024f]| (?=[!-~\u00c0-\u024f]))*")


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a text. `names` say what its characters are if they are marked; `sign` replaces what has no shape."""

    text: str
    names: str = ""
    sign: str = ""


def segments(text: str, *, has_start: bool = True, has_end: bool = True) -> Iterator[Segment]:
    """Split a text into parts that are marked and parts that are not.

    `has_start` and `has_end` say whether it begins and ends where the whole value does: spaces there are marked.
    """
    if _PLAIN.fullmatch(text) and not (has_start and text.startswith(" ")):
        yield Segment(text)
        return
    marks = _marked_spaces(text, has_start=has_start, has_end=has_end)
    marks |= _marked_letters(text)
    marks |= {place: code_point(character) for place, character in enumerate(text) if _is_unseen(character)}
    for sign, places in groupby(range(len(text)), key=marks.get):
        part = "".join(text[place] for place in places)
        if sign is None:
            yield Segment(part)
        else:
            for character in part:
                yield Segment(character, name_of(character), sign)


def in_plain_text(text: str) -> str:
    """Return the text for a mail, with the marked characters spelled out."""
    return "".join(
        f"{'' if part.sign else part.text}[{part.names}]" if part.names else part.text for part in segments(text)
    )


def skeleton(text: str) -> str:
    """Return what the texts that look alike have in common: see UTS 39, section 4. Not for display.

    White space counts as one space, and none at the ends, because readers do not see its width.
    """
    seen = (character for character in unicodedata.normalize("NFD", text) if not is_ignorable(character))
    mapped = "".join(seen).translate(_prototypes())
    return " ".join(unicodedata.normalize("NFD", mapped).split())


def differences(before: str, after: str) -> list[tuple[str, str]]:
    """Return the names of the characters in which two texts differ: those of `before`, and those in their place."""
    matcher = SequenceMatcher(a=before, b=after, autojunk=False)
    return [
        (_spelled(before[start:end]), _spelled(after[new_start:new_end]))
        for operation, start, end, new_start, new_end in matcher.get_opcodes()
        if operation != "equal"
    ]


def _spelled(text: str) -> str:
    return ", ".join(map(name_of, text))


def _is_unseen(character: str) -> bool:
    return character not in " \n" and is_invisible(character)


def _marked_spaces(text: str, *, has_start: bool, has_end: bool) -> dict[int, str]:
    """Return signs for spaces at the ends of the value and next to each other, by place."""
    marked: dict[int, str] = {}
    for found in re.finditer(" +", text):
        start, end = found.span()
        at_end = (has_start and start == 0) or (has_end and end == len(text))
        if at_end or end - start > 1:
            marked |= dict.fromkeys(range(start, end), "\u2423")
    return marked


def _marked_letters(text: str) -> dict[int, str]:
    """Return an empty sign, by place, for letters of another script than most of their word."""
    marked: dict[int, str] = {}
    for is_word, places in groupby(range(len(text)), key=lambda place: unicodedata.category(text[place])[0] in "LMN"):
        word = list(places)
        if not is_word or all(text[place].isascii() for place in word):
            continue
        scripts = {place: script for place in word if (script := alias(text[place])) not in _SCRIPTLESS}
        found = frozenset(scripts.values())
        if len(found) < 2 or any(found <= together for together in _WRITTEN_TOGETHER):
            continue
        ((main, _number),) = Counter(scripts.values()).most_common(1)
        marked |= {place: "" for place, script in scripts.items() if script != main}
    return marked


@cache
def _prototypes() -> dict[int, str]:
    """Return what each character looks like, by code point.

    The data hold every pair in both directions. A character that looks like one thing is mapped to it, what several
    look like is a prototype. Where just two look alike, the longer or lower one is.
    """
    alike = {
        _without_direction(text): [_without_direction(other["c"]) for other in others]
        for text, others in confusables_data.items()
    }
    found: dict[int, str] = {}
    for character, (prototype, *others) in alike.items():
        is_one_of_two = alike.get(prototype) == [character]
        if len(character) > 1 or others or (is_one_of_two and (-len(prototype), prototype) > (-1, character)):
            continue
        found[ord(character)] = prototype
    # The characters of a prototype may look like others themselves.
    return {code_point: prototype.translate(found) for code_point, prototype in found.items()}


def _without_direction(text: str) -> str:
    """Return the text without the marks that the data put around characters that are written from right to left."""
    return text.strip("\u200e")
