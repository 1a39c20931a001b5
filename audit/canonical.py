"""The canonical form of JSON values: the bytes that commitments are made of. docs/proof.md has it byte for byte."""

from decimal import Decimal
from typing import Any

import orjson

# Up to here every whole number is a double.
_EXACT = 2**53


def canonical_bytes(value: Any) -> bytes:
    """Return a JSON value as UTF-8 without white space, object keys by code point, numbers as ECMAScript writes them.

    The form depends on what a number is, not on how it was written: 1, 1.0 and 1e0 are the same.
    """
    return orjson.dumps(value if _is_plain(value) else _with_numbers(value), option=orjson.OPT_SORT_KEYS)


def _is_plain(value: Any) -> bool:
    """Return whether the serializer writes every number in the value as the canonical form has it."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return -_EXACT <= value <= _EXACT
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    return kind is dict and all(map(_is_plain, value.values()))


def _with_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return list(map(_with_numbers, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return orjson.Fragment(_number(float(value)))


def _number(number: float) -> str:
    """Return the shortest text that reads as this double, in the form of ECMAScript's Number::toString."""
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("JSON has no such number")
    if not number:
        return "0"
    text = "".join(map(str, digits))
    point = len(text) + exponent
    if not -6 < point <= 21:
        mantissa = text[0] + (f".{text[1:]}" if text[1:] else "")
        written = f"{mantissa}e{point - 1:+d}"
    elif point <= 0:
        written = f"0.{'0' * -point}{text}"
    elif point < len(text):
        written = f"{text[:point]}.{text[point:]}"
    else:
        written = text.ljust(point, "0")
    return "-" * sign + written
