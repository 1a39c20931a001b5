"""What people type to find somebody, read into terms: days, phone numbers, and words or several with marks between.

A contact matches if each term does. docs/search.md says what is found by what.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from django.conf import settings

from core.search import SearchTerm
from schemas.phones import e164, national_digits

MOST_TERMS = 8
MOST_CHARACTERS = 200
# Ends of numbers with fewer digits find too many.
FEWEST_DIGITS = 5
# Shorter terms are looked for at the beginning of words only.
SHORT = 3

_DAY = re.compile(
    r"(?<!\d)(\d{1,2})\s?[./-]\s?(\d{1,2})\s?[./-]\s?(\d{4})(?!\d)|(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)"
)
_NAMED_DAY = re.compile(r"(?<!\d)(\d{1,2})(?:\.|er|º|°)?\s+(?:de\s+)?([^\W\d_]{3,})\.?\s+(\d{4})(?!\d)")
_MONTH = re.compile(r"(?<!\d)(\d{1,2})[./-](\d{4})(?!\d)")
_PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d\s()./'’-]{3,}\d(?!\w)")
_DIGITS = re.compile(r"\d")
_MONTHS: dict[str, int] = {
    name[:3]: month
    for month, names in enumerate(
        (
            ("jan", "gen", "jän"), ("feb", "fév", "fev"), ("mar", "mär"), ("apr", "avr"), ("mai", "may", "mag"),
            ("giu",), ("lug",), ("aug", "aoû", "aou", "ago"), ("sep", "set"), ("oct", "okt", "ott"), ("nov",),
            ("dec", "dez", "déc", "dic"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a query. `text` finds words that contain it, `keys` find as they are, with spaces at their ends.

    `text` is empty for a day, which no part of a word means.
    """

    text: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What was typed: its terms and, where the digits could be a phone number, the same without it."""

    typed: SearchTerm
    readings: tuple[tuple[Term, ...], ...]

    def __bool__(self) -> bool:
        return any(self.readings)


def read_query(text: str) -> Query:
    """Return the terms of a query. Of long ones, only the first characters and terms count."""
    typed = SearchTerm.typed(text[:MOST_CHARACTERS])
    rest, days = _days_taken(typed.text)
    with_phone = [*days, *_with_phones(rest)][:MOST_TERMS]
    plain = [*days, *_words(rest)][:MOST_TERMS]
    # One word of digits is found by its digits alone, unless it begins with a zero that the number may really have.
    is_number = len(plain) == len(with_phone) == 1 and plain[0].text.removeprefix("+") == with_phone[0].text
    readings = [with_phone] if with_phone == plain or is_number else [with_phone, plain]
    return Query(typed, tuple(tuple(reading) for reading in readings if reading))


def _days_taken(text: str) -> tuple[str, list[Term]]:
    """Return the text without the days in it, and these."""
    found: list[Term] = []

    def take(term: Term | None, whole: str) -> str:
        if term is None:
            return whole
        found.append(term)
        return " "

    text = _DAY.sub(lambda match: take(_day_in_digits(match), match[0]), text)
    text = _NAMED_DAY.sub(lambda match: take(_named_day(match), match[0]), text)
    text = _MONTH.sub(lambda match: take(_month(match), match[0]), text)
    return text, found


def _day_in_digits(match: re.Match[str]) -> Term | None:
    if match[4]:
        days = [_day(match[4], match[5], match[6])]
    else:
        # As written in Europe, and otherwise as in the United States.
        days = [_day(match[3], match[2], match[1]), _day(match[3], match[1], match[2])]
    keys = dict.fromkeys(f" d{day:%Y%m%d} " for day in days if day)
    return Term(keys=tuple(keys)) if keys else None


def _named_day(match: re.Match[str]) -> Term | None:
    name = match[2].casefold()
    month = _MONTHS.get(name[:3]) or {"jun": 6, "jui": 7 if name.startswith("juil") else 6, "jul": 7}.get(name[:3])
    day = _day(match[3], month, match[1]) if month else None
    return Term(keys=(f" d{day:%Y%m%d} ",)) if day else None


def _month(match: re.Match[str]) -> Term | None:
    day = _day(match[2], match[1], 1)
    return Term(keys=(f" d{day:%Y%m}",)) if day else None


def _day(year: str, month: str | int, day: str | int) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _with_phones(text: str) -> Iterator[Term]:
    """Yield the terms of a text, in which groups of digits that can be one phone number are one."""
    places = [match.span() for match in _PHONE.finditer(text)]
    ends = [0, *(place for span in places for place in span), len(text)]
    for number, (start, end) in enumerate(pairwise(ends)):
        piece = text[start:end]
        if number % 2 and (digits := _dialled(piece)):
            yield Term(text=digits, keys=(f"{digits} ",))
        else:
            yield from _words(piece)


def _dialled(text: str) -> str:
    """Return the digits of a phone number, or of a part of one, without what may precede them; "" if they are few."""
    international = e164(text, settings.PHONE_REGION)
    digits = national_digits(international) if international else ""
    digits = digits or "".join(_DIGITS.findall(text.replace("(0)", ""))).lstrip("0")
    return digits if len(digits) >= FEWEST_DIGITS else ""


def _words(text: str) -> Iterator[Term]:
    for word in text.split():
        if not any(map(str.isalnum, word)):
            continue
        if len(word) == 4 and word.isascii() and word.isdecimal():
            yield Term(text=word, keys=(f" d{word}",))
        else:
            yield Term(text=word)


def texts_of(query: Query) -> Sequence[str]:
    """Return the texts of all terms, each once."""
    return list(dict.fromkeys(term.text for reading in query.readings for term in reading if term.text))
