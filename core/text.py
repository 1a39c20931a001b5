"""The one form of text: what is stored, compared and looked for, and which characters one line of it must not have.

docs/text.md says where it applies. Names, ids and search terms are `normalized` at every door; what people have to read
on one line has no `stray_characters`.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from core.errors import UnprocessableEntity

# Shown without a shape, though Unicode counts them as letters, marks or symbols: fillers, joiners, blank Braille.
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_VARIATION_SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Zero width joiner and non-joiner: they change the shape of letters, as Persian and the scripts of India need.
_JOINERS = "\u200c\u200d"


def is_storable(text: str) -> bool:
    """Return whether the database can store the text: it has neither NUL nor half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """Return the text without what the database cannot store."""
    return _UNSTORABLE.sub("", text)


def composed(text: str) -> str:
    """Return the text in NFC: what to look for within texts that are stored."""
    return unicodedata.normalize("NFC", text)


def normalized(text: str) -> str:
    """Return the text in NFC without white space at its ends; a text of nothing visible is empty."""
    text = composed(text).strip()
    return "" if all(map(is_invisible, text)) else text


def in_one_form(value: Any) -> Any:
    """Return a JSON value with all its texts normalized, but not the keys of objects."""
    if isinstance(value, str):
        return normalized(value)
    if isinstance(value, list):
        return [in_one_form(item) for item in value]
    if isinstance(value, dict):
        return {key: in_one_form(item) for key, item in value.items()}
    return value


def one_line(text: str) -> str:
    """Return the normalized text without control, format and other characters that are not visible in a line."""
    kept = (character for character in text if unicodedata.category(character)[0] != "C")
    return normalized(" ".join("".join(kept).split()))


def compared(text: str) -> str:
    """Return a name as it is compared with others, whatever its case and its spelling: by NFKC, case-folded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", normalized(text)).casefold())


def is_ignorable(character: str) -> bool:
    """Return whether readers do not notice the character: it has no shape and takes no space."""
    return (
        character in BLANK
        or _VARIATION_SELECTORS.match(character) is not None
        or (unicodedata.category(character) in ("Cc", "Cf") and not character.isspace())
    )


def is_invisible(character: str) -> bool:
    """Return whether the character has no shape: a control, format, unassigned or private one, a space, a filler."""
    return unicodedata.category(character)[0] in "CZ" or is_ignorable(character)


def code_point(character: str) -> str:
    """Return the code point of a character: `U+200B`."""
    return f"U+{ord(character):04X}"


def name_of(character: str) -> str:
    """Return the code point of a character and its name in Unicode: `U+200B ZERO WIDTH SPACE`."""
    return f"{code_point(character)} {unicodedata.name(character, '')}".rstrip()


def stray_characters(text: str) -> Iterator[int]:
    """Yield the index of each character that one line of text must not have.

    These are control, format, private and unassigned characters, surrogates, and what breaks lines. A joiner may follow
    a letter or the marks of one.
    """
    # Printable in Python: neither C, Zl nor Zp, and no space but the usual one.
    if text.isprintable():
        return
    may_join = False
    for index, character in enumerate(text):
        category = unicodedata.category(character)
        is_stray = category[0] == "C" or category in ("Zl", "Zp")
        if is_stray and not (may_join and character in _JOINERS):
            yield index
        may_join = category[0] == "L" or (may_join and category[0] == "M")


def is_one_line(text: str) -> bool:
    return next(stray_characters(text), None) is None


def stray_message(text: str) -> str:
    """Return where the first character is that one line of text must not have, and which. There must be one."""
    index = next(stray_characters(text))
    return _("This must be on one line, without control characters: character %(position)d is %(name)s.") % {
        "position": index + 1,
        "name": name_of(text[index]),
    }


def line_faults(text: str, *, most: int) -> list[str]:
    """Return what is wrong with a name or an id in its one form. It may be empty."""
    if len(text) > most:
        return [_("At most %(most)s characters.") % {"most": most}]
    return [] if is_one_line(text) else [stray_message(text)]


def required_line_faults(text: Any, *, most: int) -> list[str]:
    """Return what is wrong with a name or an id in its one form, which must not be empty. It may be no text at all."""
    if not isinstance(text, str) or not text:
        return [_("Expected a text of at most %(limit)s characters.") % {"limit": most}]
    return line_faults(text, most=most)


def checked_line(text: str, *, path: str, most: int) -> str:
    """Return a name or an id in its one form, which may be empty. Raises UnprocessableEntity `ValidationFailed`."""
    text = normalized(text)
    if faults := line_faults(text, most=most):
        raise UnprocessableEntity(sub_code="ValidationFailed", properties={path: faults})
    return text
