"""Localized explanations of a document's faults, by path."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Set
from itertools import islice
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import jsonschema
from django.utils.encoding import iri_to_uri, punycode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text import stray_message
from schemas import formats
from schemas.definition.elements import FieldType
from schemas.derivation import NOT_BLANK, ONE_LINE, SEVERAL_LINES, WEB_SCHEME
from schemas.listchecks import Fault, shown

# Bounds the size of the response.
MAX_FAULTS = 500
MAX_DEPTH = 64
# Larger integers exceed every field's bounds, and Python refuses to convert very large ones to text.
MAX_BITS = 64

# What a form leaves as text, because no double holds it.
_LONG_NUMBER = re.compile(r"[+-]?[0-9][0-9.,’'\s]{15,}")
_PHONE_FORMATS = (f"{FieldType.MOBILE}-", f"{FieldType.PHONE}-")


def not_json_faults(document: Any) -> list[Fault]:
    """Return the faults that make the document invalid JSON, which prevents further checks; [] if there are none."""
    found: list[Fault] = []
    pending: list[tuple[str, Any, int]] = [("", document, 0)]
    while pending and len(found) < MAX_FAULTS:
        path, value, depth = pending.pop()
        if depth > MAX_DEPTH:
            return [Fault("", _("The document is nested too deeply."))]
        if isinstance(value, dict):
            for key, child in value.items():
                if not isinstance(key, str) or not _is_unicode(key):
                    found.append(Fault(path, _("A key holds characters that are not valid text.")))
                else:
                    pending.append((_join(path, key), child, depth + 1))
        elif isinstance(value, list):
            pending.extend((f"{path}[{index}]", child, depth + 1) for index, child in enumerate(value))
        elif isinstance(value, str):
            if not _is_unicode(value):
                found.append(Fault(path, _("This holds characters that are not valid text.")))
        elif isinstance(value, float):
            if not math.isfinite(value):
                found.append(Fault(path, _("The number is too large.")))
        elif isinstance(value, int):
            if value.bit_length() > MAX_BITS:
                found.append(Fault(path, _("The number is too large.")))
        elif value is not None:
            found.append(Fault(path, _("This is not a JSON value.")))
    return found


def schema_violations(
    validator: jsonschema.protocols.Validator, document: Any, *, section_paths: Set[str]
) -> Iterator[Fault]:
    """Yield the violations of the JSON Schema. For a missing section, reports its mandatory fields instead."""
    for error in islice(validator.iter_errors(document), MAX_FAULTS):
        rule = _("This must be on one line, without control characters.") if _is_of_line(error) else None
        for path, message in _violations(error, section_paths):
            yield Fault(path, message, rule)


def as_properties(faults: list[Fault]) -> dict[str, list[str]]:
    properties: dict[str, list[str]] = {}
    for path, message, _rule in faults[:MAX_FAULTS]:
        messages = properties.setdefault(path, [])
        if message not in messages:
            messages.append(message)
    return properties


def _is_of_line(error: jsonschema.ValidationError) -> bool:
    return (error.validator, error.validator_value) in (("format", formats.ONE_LINE), ("pattern", ONE_LINE))


def _violations(error: jsonschema.ValidationError, section_paths: Set[str]) -> Iterator[tuple[str, str]]:
    path = ""
    for step in error.absolute_path:
        path = f"{path}[{step}]" if isinstance(step, int) else _join(path, step)
    limit = error.validator_value
    if error.validator == "required":
        for name in limit:
            if name not in error.instance:
                yield from _missing(path, name, error.schema, section_paths)
    elif error.validator == "dependentRequired":
        for name, needed in limit.items():
            if name in error.instance:
                yield from ((_join(path, other), _mandatory()) for other in needed if other not in error.instance)
    elif error.validator == "additionalProperties":
        for name in islice((name for name in error.instance if name not in error.schema["properties"]), MAX_FAULTS):
            yield _join(path, name), _("The schema has no such field.")
    elif error.validator in _MESSAGES:
        yield path, _MESSAGES[error.validator](limit, error.instance)
    else:
        yield path, _("This does not follow a rule of the schema.")


def _missing(path: str, name: str, schema: Mapping[str, Any], section_paths: Set[str]) -> Iterator[tuple[str, str]]:
    at = _join(path, name)
    inner = schema.get("properties", {}).get(name, {})
    if at in section_paths and isinstance(inner, dict) and inner.get("required"):
        for child in inner["required"]:
            yield from _missing(at, child, inner, section_paths)
    else:
        yield at, _mandatory()


def _mandatory() -> str:
    return _("This field is mandatory.")


def _type(expected: Any, value: Any) -> str:
    match expected:
        case "number" if isinstance(value, str) and _LONG_NUMBER.fullmatch(value):
            return _("A number has at most 15 digits.")
        case "string":
            return _("This must be text.")
        case "integer":
            return _("This must be a whole number.")
        case "number":
            return _("This must be a number.")
        case "boolean":
            return _("This must be true or false.")
        case "array":
            return _("This must be a list of values.")
        case "object":
            return _("This must be an object with fields.")
    return _("This is of the wrong type.")


def _format(name: str, value: Any) -> str:
    match name.partition("-")[0] if name.startswith(_PHONE_FORMATS) else name:
        case formats.ONE_LINE:
            return stray_message(value)
        case FieldType.MOBILE:
            return _("This must be a mobile number, such as +41 79 123 45 67, without an extension.")
        case FieldType.PHONE:
            return _("This must be a phone number in digits, and nothing else: such as +41 44 668 18 00 ext. 12.")
        case "date":
            return _("This must be a date, such as 1980-12-31.")
        case "date-time":
            return _("This must be a moment with its offset, such as 1980-12-31T18:30:00Z.")
        case "email":
            return _("This must be an email address.")
    if (written := _in_ascii(value)) is not None:
        return _("A web address is written in ASCII: %(written)s.") % {"written": written}
    return _("This must be a web address, such as https://www.example.com.")


def _in_ascii(address: str) -> str | None:
    """Return how to write a web address with an international host, or signs to percent-encode; None if it is none."""
    try:
        parts = urlsplit(address.strip())
        written = iri_to_uri(urlunsplit(parts._replace(netloc=punycode(parts.netloc))))
    except ValueError:
        return None
    return written if formats.is_web_address(written) else None


def _pattern(pattern: str, value: Any) -> str:
    message = _PATTERN_MESSAGES.get(pattern)
    return message(value) if message else _("This does not have the expected format.")


# Callables, so that messages are in the language of the request.
_PATTERN_MESSAGES: Mapping[str, Callable[[str], str]] = {
    ONE_LINE: stray_message,
    SEVERAL_LINES: lambda _value: _("This must not contain the NUL character."),
    NOT_BLANK: lambda _value: _mandatory(),
    WEB_SCHEME: lambda value: _format("uri", value),
}


def _min_length(limit: int, value: str) -> str:
    if not value:
        return _mandatory()
    message = ngettext(
        "This must have at least %(limit)d character.", "This must have at least %(limit)d characters.", limit
    )
    return message % {"limit": limit}


def _max_length(limit: int, _value: str) -> str:
    message = ngettext(
        "This must have at most %(limit)d character.", "This must have at most %(limit)d characters.", limit
    )
    return message % {"limit": limit}


def _min_items(limit: int, value: list[Any]) -> str:
    if not value:
        return _mandatory()
    message = ngettext("This must have at least %(limit)d item.", "This must have at least %(limit)d items.", limit)
    return message % {"limit": limit}


def _max_items(limit: int, _value: list[Any]) -> str:
    message = ngettext("This must have at most %(limit)d item.", "This must have at most %(limit)d items.", limit)
    return message % {"limit": limit}


def _one_of(values: list[Any], _value: Any) -> str:
    return _("This must be one of: %(values)s.") % {"values": shown(", ".join(map(str, values)))}


# Keyword -> function of the keyword's value and the document's value that returns the message.
_MESSAGES: Mapping[str, Callable[[Any, Any], str]] = {
    "type": _type,
    "format": _format,
    "pattern": _pattern,
    "minLength": _min_length,
    "maxLength": _max_length,
    "minItems": _min_items,
    "maxItems": _max_items,
    "uniqueItems": lambda _limit, _value: _("This must not contain the same item twice."),
    "minimum": lambda limit, _value: _("This must be %(limit)s or more.") % {"limit": limit},
    "maximum": lambda limit, _value: _("This must be %(limit)s or less.") % {"limit": limit},
    "exclusiveMinimum": lambda limit, _value: _("This must be more than %(limit)s.") % {"limit": limit},
    "exclusiveMaximum": lambda limit, _value: _("This must be less than %(limit)s.") % {"limit": limit},
    "enum": _one_of,
    "const": lambda expected, _value: _("This must be %(value)s.") % {"value": shown(str(expected))},
}


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _join(path: str, key: str) -> str:
    # Keys of unknown fields are user input of any length.
    key = shown(key)
    return f"{path}.{key}" if path else key


def unexplained() -> Fault:
    """Return the fault for a document that one validator rejects and the other cannot explain."""
    return Fault("", _("The document does not follow the schema."))
