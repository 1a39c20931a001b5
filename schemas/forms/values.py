"""Conversion between document values and the text of controls.

Text that cannot be parsed stays text, so that validation reports it at its path and the form shows it as entered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import get_format

from core.json import is_held_exactly
from schemas.definition.elements import FieldType

YES, NO = "true", "false"

_BREAKS = re.compile(r"\r\n?")
# Thousands separators that users enter: any kind of space, and apostrophes.
_GROUPING = re.compile(r"[\s’']")
_WHOLE = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?")
# With a decimal comma, `1.250` may mean 1250 or 1.25, so it is rejected.
_AMBIGUOUS = re.compile(r"[+-]?[0-9]{1,3}\.[0-9]{3}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOCAL_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")

_NUMBERS = (FieldType.INTEGER, FieldType.DECIMAL)


def is_shown_by_control(kind: FieldType, value: Any) -> bool:
    """Return whether the control of a type can represent a stored value. None always can be.

    The value must survive a round trip: the text "12" in a number control would come back as a number.
    """
    if value is None:
        return True
    if isinstance(value, bool):
        return kind is FieldType.BOOLEAN
    if isinstance(value, int | float):
        return kind in _NUMBERS
    if not isinstance(value, str):
        return False
    if kind in _NUMBERS or kind is FieldType.BOOLEAN:
        return kind is not FieldType.BOOLEAN and isinstance(value_of(kind, value), str)
    return not (kind is FieldType.DATE_TIME and value and raw_of(kind, value) == value and is_moment_text(value))


def raw_of(kind: FieldType, value: Any) -> str:
    """Return the control's text for a stored value that it can represent."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, int | float):
        return _number_text(value)
    if kind is FieldType.DATE_TIME:
        return _local_text(value)
    return str(value)


def value_of(kind: FieldType, raw: str) -> Any:
    """Parse a control's text. Returns None for an empty text, and the text itself if it cannot be parsed."""
    text = raw.strip()
    if not text:
        return None
    reader = _READERS.get(kind)
    return reader(text) if reader else _BREAKS.sub("\n", text)


def is_same_text(kind: FieldType, one: str, other: str) -> bool:
    """Return whether two texts mean the same value, since browsers may normalize how they are written."""
    if kind in (FieldType.TEXT, FieldType.MULTILINE_TEXT):
        return _BREAKS.sub("\n", one) == _BREAKS.sub("\n", other)
    left, right = value_of(kind, one), value_of(kind, other)
    return type(left) is type(right) and bool(left == right)


def is_date_text(raw: str) -> bool:
    """Return whether a date input can show the text. Browsers discard any other text."""
    return not raw or _DATE.fullmatch(raw) is not None


def is_moment_text(raw: str) -> bool:
    """Return whether a datetime-local input can show the text."""
    return not raw or _LOCAL_MOMENT.fullmatch(raw) is not None


# ---- numbers


def _number_text(value: int | float) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value) if isinstance(value, int) else format(Decimal(repr(value)), "f")
    return text.replace(".", str(get_format("DECIMAL_SEPARATOR")))


def _whole(text: str) -> Any:
    digits = _GROUPING.sub("", text)
    return int(digits) if _WHOLE.fullmatch(digits) else _decimal(text)


def _decimal(text: str) -> Any:
    number = _GROUPING.sub("", text)
    if get_format("DECIMAL_SEPARATOR") == ",":
        if _AMBIGUOUS.fullmatch(number):
            return text
        number = number.replace(",", ".")
    if not _NUMBER.fullmatch(number):
        return text
    exact = Decimal(number)
    if exact == exact.to_integral_value():
        return int(exact)
    return float(exact) if is_held_exactly(number) else text


# ---- timestamps: stored with UTC offset, shown and entered in the current time zone


def _local_text(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value.upper())
        local = timezone.localtime(moment).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return value
    precision = "milliseconds" if local.microsecond else "seconds"
    return local.isoformat(timespec=precision)


def _moment(text: str) -> Any:
    if not _LOCAL_MOMENT.fullmatch(text):
        return text
    try:
        moment = timezone.make_aware(datetime.fromisoformat(text))
        in_utc = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    if in_utc.utcoffset() == moment.utcoffset():
        return in_utc.isoformat().replace("+00:00", "Z")
    return moment.isoformat()


def _boolean(text: str) -> Any:
    return {YES: True, NO: False}.get(text, text)


_READERS: Mapping[FieldType, Callable[[str], Any]] = {
    FieldType.BOOLEAN: _boolean,
    FieldType.INTEGER: _whole,
    FieldType.DECIMAL: _decimal,
    FieldType.DATE_TIME: _moment,
}
