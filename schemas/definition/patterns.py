"""Validation of the regular expressions in a definition.

The server's engine matches in linear time, but client applications run the same patterns in backtracking engines.
Patterns that could take exponential time there are rejected, as is syntax that engines interpret differently.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from schemas.definition.elements import MAX_PATTERN_LENGTH
from schemas.engine import pattern_is_supported

# Groups that may repeat more often than this are treated like unbounded repetition.
MANY = 10

_TOKEN = re.compile(r"(?P<set>\[\^?(?:\\.|[^\]\\])*\])|(?P<open>\()|(?P<close>\))|(?:\\.|.)", re.DOTALL)
_QUANTIFIER = re.compile(r"[*+?]|\{(?P<least>[0-9]{1,6})(?P<range>,(?P<most>[0-9]{1,6})?)?\}")
# Some engines treat an unescaped [ and these pairs as set operators, others as literal characters.
_SET_OPERATOR = re.compile(r"\[|&&|--|\|\||~~")
_ESCAPED = re.compile(r"\\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Repeat:
    least: int
    most: int | None

    @property
    def is_many(self) -> bool:
        return self.most is None or self.most > MANY

    @property
    def varies(self) -> bool:
        return self.most is None or (self.most > 1 and self.most != self.least)


def pattern_fault(pattern: str) -> str | None:
    """Return why the pattern is rejected, or None if it is valid."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        return _("The pattern is longer than %(limit)d characters.") % {"limit": MAX_PATTERN_LENGTH}
    if _has_set_operator(pattern):
        return _("Inside square brackets, [ and doubled & | ~ - must be escaped.")
    if _has_nested_quantifier(pattern):
        return _("The pattern repeats a group that already repeats something, which can take very long to match.")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return _("The pattern is not a regular expression.")
    if not pattern_is_supported(pattern):
        return _("The pattern uses syntax that is not supported, such as look-around or back-references.")
    return None


def _has_set_operator(pattern: str) -> bool:
    sets = (token.group("set") for token in _TOKEN.finditer(pattern) if token.group("set"))
    return any(_SET_OPERATOR.search(_ESCAPED.sub("", content), 1) for content in sets)


def _has_nested_quantifier(pattern: str) -> bool:
    varies_inside = [False]
    for token in _TOKEN.finditer(pattern):
        if token.group("open"):
            varies_inside.append(False)
            continue
        repeat = _repeat_at(pattern, token.end())
        if token.group("close") and len(varies_inside) > 1:
            varies = varies_inside.pop()
            if varies and repeat and repeat.is_many:
                return True
            varies_inside[-1] |= varies
        varies_inside[-1] |= repeat is not None and repeat.varies
    return False


def _repeat_at(pattern: str, index: int) -> _Repeat | None:
    found = _QUANTIFIER.match(pattern, index)
    if not found:
        return None
    match found.group():
        case "*":
            return _Repeat(0, None)
        case "+":
            return _Repeat(1, None)
        case "?":
            return _Repeat(0, 1)
    least = int(found["least"])
    if not found["range"]:
        return _Repeat(least, least)
    return _Repeat(least, int(found["most"]) if found["most"] else None)
