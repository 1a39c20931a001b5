"""The two JSON Schema validators, made to give the same verdict (design section 4).

`jsonschema-rs` decides, `jsonschema` explains. They would differ in formats, in regular expressions and in how long
some keywords take, so those are taken from one place: formats from `schemas.formats`, patterns from jsonschema-rs's
linear-time engine, which reads them as ECMA 262 does and cannot be made to backtrack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import jsonschema
import jsonschema_rs

from schemas.formats import FORMATS

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# Without look-around and back-references every pattern matches in time linear in the text.
_PATTERN_OPTIONS = jsonschema_rs.RegexOptions(size_limit=2_000_000)

# What jsonschema-rs raises of a value that is not JSON: half a surrogate pair, a key that is no text, endless depth.
NOT_JSON_ERRORS = (ValueError, TypeError, OverflowError, RecursionError)

_META_VALIDATOR = jsonschema_rs.Draft202012Validator({"$ref": DIALECT}, offline=True)


def deciding_validator(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """Compile the schema; raise jsonschema_rs.ValidationError when it cannot be used."""
    return jsonschema_rs.Draft202012Validator(
        dict(schema),
        formats=dict(FORMATS),
        validate_formats=True,
        pattern_options=_PATTERN_OPTIONS,
        offline=True,
    )


def explaining_validator(schema: Mapping[str, Any]) -> jsonschema.protocols.Validator:
    return _ExplainingValidator(dict(schema), format_checker=_FORMAT_CHECKER)


def schema_faults(schema: Any) -> Iterator[tuple[list[str | int], str]]:
    """Yield path and message of everything that keeps the value from being a JSON Schema, draft 2020-12."""
    for error in _META_VALIDATOR.iter_errors(schema):
        yield error.instance_path, error.message


def pattern_is_supported(pattern: str) -> bool:
    try:
        _matcher(pattern)
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def pattern_matches(pattern: str, text: str) -> bool:
    try:
        return _matcher(pattern).is_valid(text)
    except NOT_JSON_ERRORS:
        return False


@lru_cache(maxsize=2_048)
def _matcher(pattern: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_PATTERN_OPTIONS, offline=True)


def _pattern(
    validator: jsonschema.protocols.Validator, pattern: str, instance: Any, schema: Mapping[str, Any]
) -> Iterator[jsonschema.ValidationError]:
    if validator.is_type(instance, "string") and not pattern_matches(pattern, instance):
        yield jsonschema.ValidationError("does not match the pattern")


def _unique_items(
    validator: jsonschema.protocols.Validator, unique: bool, instance: Any, schema: Mapping[str, Any]
) -> Iterator[jsonschema.ValidationError]:
    # jsonschema compares every two items when they cannot be sorted. Where there are more than there may be, maxItems
    # has said so already: every uniqueItems that is derived has a maxItems beside it.
    if not validator.is_type(instance, "array") or len(instance) > schema["maxItems"]:
        return
    yield from jsonschema.Draft202012Validator.VALIDATORS["uniqueItems"](validator, unique, instance, schema)


def _format_checker() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker(formats=())
    for name, accepts in FORMATS.items():
        checker.checks(name)(_of_text(accepts))
    return checker


def _of_text(accepts: Callable[[str], bool]) -> Callable[[object], bool]:
    """A format says nothing about values that are no text."""
    return lambda value: not isinstance(value, str) or accepts(value)


_FORMAT_CHECKER = _format_checker()
_ExplainingValidator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique_items}
)
