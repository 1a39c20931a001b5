"""What stands in a control for a value of a document, and what value stands for what somebody typed.

What cannot be read stays the text that it is: validation then says at its place what was expected, and the form shows
it again as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import get_format

from schemas.definition.elements import FieldType

YES, NO = "true", "false"

_BREAKS = re.compile(r"\r\n?")
# What people put between groups of digits: spaces, thin and no-break ones too, and apostrophes.
_GROUPING = re.compile(r"[\s’']")
_WHOLE = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?")
# `1.250` is a thousand and more where the comma divides; anybody else means one and a quarter.
_AMBIGUOUS = re.compile(r"[+-]?[0-9]{1,3}\.[0-9]{3}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOCAL_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")

_NUMBERS = (FieldType.INTEGER, FieldType.DECIMAL)


def is_shown_by_control(kind: FieldType, value: Any) -> bool:
    """Whether the control of a type can stand for a stored value; None it always can.

    It must be told from what somebody would type there: the text "12" cannot be in a control for numbers.
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
    """The text that a control has for a stored value that it can stand for."""
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
    """The value that a text means; None for an empty one, and the text itself where it cannot be read."""
    text = raw.strip()
    if not text:
        return None
    reader = _READERS.get(kind)
    return reader(text) if reader else _BREAKS.sub("\n", text)


def is_same_text(kind: FieldType, one: str, other: str) -> bool:
    """Whether two texts of a control say the same, whatever a browser has done to how it is written."""
    if kind in (FieldType.TEXT, FieldType.MULTILINE_TEXT):
        return _BREAKS.sub("\n", one) == _BREAKS.sub("\n", other)
    left, right = value_of(kind, one), value_of(kind, other)
    return type(left) is type(right) and bool(left == right)


def is_date_text(raw: str) -> bool:
    """Whether a date control can show the text; browsers empty it of any other."""
    return not raw or _DATE.fullmatch(raw) is not None


def is_moment_text(raw: str) -> bool:
    """Whether a control for a local date and time can show the text."""
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
    return int(exact) if exact == exact.to_integral_value() else float(exact)


# ---- moments: stored with their offset, shown and typed in the time zone of the page


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
