"""The two JSON Schema validators, configured to agree.

`jsonschema-rs` decides whether a document is valid, `jsonschema` explains why not. By default they differ in formats,
regular expressions and running time. Both therefore take formats from `schemas.formats` and match patterns with
jsonschema-rs's linear-time engine, which uses ECMA 262 syntax and does not backtrack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import jsonschema
import jsonschema_rs

from schemas.formats import FORMATS

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# This engine supports neither look-around nor back-references, so matching takes linear time.
_PATTERN_OPTIONS = jsonschema_rs.RegexOptions(size_limit=2_000_000)

# Raised by jsonschema-rs for values that are not JSON: lone surrogates, non-string keys, excessive nesting.
NOT_JSON_ERRORS = (ValueError, TypeError, OverflowError, RecursionError)

_META_VALIDATOR = jsonschema_rs.Draft202012Validator({"$ref": DIALECT}, offline=True)


def deciding_validator(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """Compile the schema. Raises jsonschema_rs.ValidationError or ValueError if it is invalid."""
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
    """Yield the path and message of every violation of the JSON Schema draft 2020-12 meta-schema."""
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
    # jsonschema compares all pairs of unsortable items. Skip arrays that are too long, which maxItems reports: every
    # derived uniqueItems has a maxItems.
    if not validator.is_type(instance, "array") or len(instance) > schema["maxItems"]:
        return
    yield from jsonschema.Draft202012Validator.VALIDATORS["uniqueItems"](validator, unique, instance, schema)


def _format_checker() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker(formats=())
    for name, accepts in FORMATS.items():
        checker.checks(name)(_of_text(accepts))
    return checker


def _of_text(accepts: Callable[[str], bool]) -> Callable[[object], bool]:
    """Make a format check accept all values that are not strings, as JSON Schema requires."""
    return lambda value: not isinstance(value, str) or accepts(value)


_FORMAT_CHECKER = _format_checker()
_ExplainingValidator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique_items}
)
