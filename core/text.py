"""The one form of text."""

import re
import unicodedata

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Return whether the database can store the text: it has neither NUL nor half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None


def normalized(text: str) -> str:
    """Return the text in NFC without white space at its ends; a text of nothing visible is empty."""
    text = unicodedata.normalize("NFC", text).strip()
    return text if any(unicodedata.category(character)[0] not in "CZ" for character in text) else ""


def one_line(text: str) -> str:
    """Return the normalized text without control, format and other characters that are not visible in a line."""
    kept = (character for character in text if unicodedata.category(character)[0] != "C")
    return normalized(" ".join("".join(kept).split()))
