"""Strict parser for untrusted JSON text.

Python's parser accepts more than interoperable JSON: NaN, duplicate keys, lone surrogates, numbers of any size. None of
these may be stored: PostgreSQL's jsonb rejects some, and other parsers interpret the rest differently.
"""

from __future__ import annotations

import json
import math
from typing import Any

from django.utils.translation import gettext as _

from core.json import inexact_message, is_held_exactly
from core.text import is_storable
from schemas.definition.elements import MAX_EXACT_INTEGER, MAX_JSON_DEPTH, MAX_TEXT_LENGTH
from schemas.definition.faults import Faults, below


class _NotJsonError(ValueError):
    """Carries the localized message."""


def read_json_text(text: str, faults: Faults) -> Any:
    """Return the parsed value, or None after adding to `faults`."""
    if len(text) > MAX_TEXT_LENGTH:
        faults.add("", _("The text is longer than %(limit)d characters.") % {"limit": MAX_TEXT_LENGTH})
        return None
    try:
        value = json.loads(text, object_pairs_hook=_object_of, parse_float=_exact, parse_constant=_refuse_constant)
    except _NotJsonError as error:
        faults.add("", str(error))
        return None
    except json.JSONDecodeError as error:
        faults.add(
            "",
            _("The text is not JSON: line %(line)d, column %(column)d.")
            % {"line": error.lineno, "column": error.colno},
        )
        return None
    except RecursionError:
        faults.add("", _("The text is nested too deeply."))
        return None
    except ValueError:
        # int() rejects integers with thousands of digits.
        faults.add("", _("The text holds a number that is too large."))
        return None
    return value if _is_storable(value, faults) else None


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _NotJsonError(_("The key “%(key)s” stands twice in one object.") % {"key": key[:80]})
        result[key] = value
    return result


def _exact(text: str) -> float:
    if not is_held_exactly(text):
        raise _NotJsonError(inexact_message(text))
    return float(text)


def _refuse_constant(name: str) -> None:
    raise _NotJsonError(_("%(name)s is not a JSON value.") % {"name": name})


def _is_storable(value: Any, faults: Faults) -> bool:
    found = False
    pending: list[tuple[str, Any, int]] = [("", value, 0)]
    while pending:
        place, node, depth = pending.pop()
        message = None
        if depth > MAX_JSON_DEPTH:
            faults.add("", _("The text is nested too deeply."))
            return False
        if isinstance(node, dict):
            for key, child in node.items():
                if not is_storable(key):
                    faults.add(place, _("A key holds characters that cannot be stored."))
                    found = True
                else:
                    pending.append((below(place, key), child, depth + 1))
        elif isinstance(node, list):
            pending.extend((f"{place}[{index}]", child, depth + 1) for index, child in enumerate(node))
        elif isinstance(node, str):
            if not is_storable(node):
                message = _("The text holds characters that cannot be stored.")
        elif _is_too_large(node):
            message = _("The number is too large.")
        if message:
            faults.add(place, message)
            found = True
    return not found


def _is_too_large(node: Any) -> bool:
    if isinstance(node, bool) or not isinstance(node, int | float):
        return False
    return not math.isfinite(node) or abs(node) > MAX_EXACT_INTEGER
