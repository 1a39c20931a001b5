"""Phone numbers as people write them, read by `phonenumbers`.

They are stored as they are written. What compares or dials them takes their E.164 form. `region` is the country
in which a number without a calling code is dialled, such as `CH`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers
from django.conf import settings
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberFormat

from core.text import is_one_line

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)

# What precedes a number in a link. The parser would skip any other words as well, with whatever they say.
_SCHEME = re.compile(r"\s*tel:", re.IGNORECASE)
# Marks between groups of digits that the parser does not know.
_SEPARATORS = dict.fromkeys(map(ord, "'’·•_"), " ")
# In international form with ordinary punctuation, as nearly all numbers of an import are: the calling code is enough to
# know that the parser reads it, which takes it ten times as long.
_INTERNATIONAL = re.compile(r"\+[1-9](?:[ ()./-]{0,2}[0-9]){6,14}")
_NOT_DIGITS = re.compile(r"[^0-9]")
# Where a calling code precedes, most countries dial these digits.
_USUAL_PREFIX = "00"


def region_or_default(region: str | None) -> str:
    """Return the region that a schema names for a field, else that of the installation."""
    return region or str(settings.PHONE_REGION)


@lru_cache(maxsize=4_096)
def is_phone(region: str, value: str) -> bool:
    """Return whether the text is a phone number and nothing else. It may be short, or have an extension."""
    return _is_international(value) or _parsed(value, region) is not None


@lru_cache(maxsize=4_096)
def is_mobile(region: str, value: str) -> bool:
    """Return whether a message can be sent to the number. Without calling code it has to be possible in the region."""
    if _is_international(value):
        return True
    number = _parsed(value, region)
    return number is not None and not number.extension and phonenumbers.is_possible_number(number)


def e164(value: str, region: str) -> str | None:
    """Return the number as +41446681800, without its extension; None for what is no number."""
    number = _parsed(value, region)
    return None if number is None else phonenumbers.format_number(number, PhoneNumberFormat.E164)


def national_digits(international: str) -> str:
    """Return the digits of a number in E.164 without its calling code: what all ways to write it end with."""
    return phonenumbers.national_significant_number(phonenumbers.parse(international))


def is_same_number(one: str, other: str, region: str) -> bool:
    """Return whether two texts dial the same: number and extension."""
    numbers = _parsed(one, region), _parsed(other, region)
    return None not in numbers and len({_dialled(number) for number in numbers if number is not None}) == 1


def digits_dialled(value: str, region: str) -> list[str]:
    """Return all digits with which people in the region write this number, without the extension; [] if it is none."""
    number = _parsed(value, region)
    return [] if number is None else sorted(set(_writings(number, region)))


def _writings(number: PhoneNumber, region: str) -> Iterator[str]:
    code, national = str(number.country_code), phonenumbers.national_significant_number(number)
    own = PhoneMetadata.metadata_for_region(region)
    prefixes = {"", _USUAL_PREFIX, (own and own.international_prefix) or ""}
    trunk = phonenumbers.ndd_prefix_for_region(phonenumbers.region_code_for_number(number) or region, True) or ""
    # +41 44 668 18 00 and +41 (0)44 668 18 00.
    for dialled in (f"{code}{national}", f"{code}{trunk}{national}"):
        # Where there are several prefixes, they are a pattern.
        yield from (f"{prefix}{dialled}" for prefix in prefixes if not prefix or prefix.isdecimal())
    if number.country_code == phonenumbers.country_code_for_region(region):
        yield national
        yield f"{trunk}{national}"


def _dialled(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.RFC3966)


def _is_international(value: str) -> bool:
    if not _INTERNATIONAL.fullmatch(value):
        return False
    digits = _NOT_DIGITS.sub("", value)
    return any(int(digits[:length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE for length in (1, 2, 3))


def _parsed(value: str, region: str) -> PhoneNumber | None:
    # The parser knows two of the many kinds of space.
    text = " ".join(_SCHEME.sub("", value, count=1).translate(_SEPARATORS).split())
    starts_like_number = text[:1].isdecimal() or text[:1] in "+＋(（"
    try:
        number = phonenumbers.parse(text, region) if text and starts_like_number and is_one_line(value) else None
    except NumberParseException:
        return None
    return number if number is not None and _is_in_digits(number, text) else None


def _is_in_digits(number: PhoneNumber, text: str) -> bool:
    """Return whether no letter became a digit: the parser dials words, "office" as well as "FLOWERS"."""
    ends = f"{phonenumbers.national_significant_number(number)}{number.extension or ''}"
    return phonenumbers.normalize_digits_only(text).endswith(ends)
