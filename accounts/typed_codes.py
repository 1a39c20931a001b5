"""Codes and keys that people read off a screen or a message, and type."""

import unicodedata


def plain_code(typed: str) -> str:
    """Return a code as it was shown, however it is typed: in groups, with digits of any script, in capitals or not.

    Groups are separated by spaces or any kind of dash; characters that nobody sees come along when a code is copied.
    """
    kept = (one for one in unicodedata.normalize("NFKC", typed) if unicodedata.category(one) not in _BETWEEN_GROUPS)
    return "".join(str(unicodedata.decimal(one, one)) for one in kept).lower()


def is_numeric_code(code: str, *, length: int) -> bool:
    """Return whether a plain code has the form of one with so many digits."""
    return len(code) == length and code.isascii() and code.isdecimal()


# Spaces and line breaks, dashes, format characters.
_BETWEEN_GROUPS = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Pd"})
