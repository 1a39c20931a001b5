"""One entry, from bytes to JSON: as strict as everywhere (`core.json`), fast where there is nothing to refuse."""

import json
import re
from typing import Any, NoReturn

import orjson
from django.utils.translation import gettext as _

from core.json import MAX_DEPTH, MAX_SURE_LENGTH, json_fault, parse_json
from importexport.imports.reading import NotAnImportFileError

# Escapes of NUL, of quotes and colons (which names are recognized by), and of surrogates.
_DOUBTFUL = tuple(rb"\u" + rest for rest in (b"000", b"001", b"002", b"003", b"d", b"D"))
# Translates digits and points to 0 and everything else to blanks: a run of zeros may be a number of as many digits.
_DIGITS = bytes(ord("0") if sign in b"0123456789." else ord(" ") for sign in range(256))
_MANY_DIGITS = b"0" * (MAX_SURE_LENGTH + 1)
_LARGE_EXPONENT = re.compile(rb"[0-9][Ee][+-]?[0-9]{3}")


def parse_entry(content: bytes) -> Any:
    """Return the parsed entry. Raise BadRequest like `parse_json`, the fallback for everything that orjson rejects.

    orjson silently keeps the last of duplicate names. Each name is followed by a colon, and colons in texts survive a
    round trip; so if the serialized entry has fewer colons than the input, a duplicate name was dropped. `parse_json`
    decides where escapes could hide a colon or a double may not hold a number.
    """
    nesting = content.count(b"{") + content.count(b"[")
    if (
        nesting > MAX_DEPTH
        # Looking for a single byte first is much faster than looking for each escape.
        or (b"\\" in content and any(escape in content for escape in _DOUBTFUL))
        or _MANY_DIGITS in content.translate(_DIGITS)
        or _LARGE_EXPONENT.search(content)
    ):
        return parse_json(content)
    try:
        entry = orjson.loads(content)
    except orjson.JSONDecodeError:
        return parse_json(content)
    if orjson.dumps(entry).count(b":") != content.count(b":"):
        return parse_json(content)
    return entry


def check_json(content: bytes, where: str, *, is_line: bool) -> Any:
    """Return the entry, checking only that it is JSON in UTF-8, as uploads do. Raise NotAnImportFileError.

    `is_line`: the content is a line of a file that has one object in each.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        # orjson also rejects valid JSON that cannot be stored, such as huge numbers. That is a fault of the entry only.
        pass
    try:
        text = content.decode()
        return json.loads(text, parse_constant=_refuse)
    except UnicodeDecodeError as error:
        reason = _("byte %(position)s is not UTF-8") % {"position": error.start + 1}
    except json.JSONDecodeError as error:
        reason = _fault(text, error, is_line=is_line)
    except _NoNumberError as error:
        reason = _("not JSON: %(found)s is no number") % {"found": error}
    except (ValueError, RecursionError) as error:
        reason = _("not JSON: %(reason)s") % {"reason": type(error).__name__}
    raise NotAnImportFileError(_("%(place)s: %(reason)s.") % {"place": where, "reason": reason})


def _fault(text: str, error: json.JSONDecodeError, *, is_line: bool) -> str:
    if is_line and error.pos >= len(text.rstrip()):
        return _(
            "not JSON: the object does not end in this line. Write each object in one line, or make them an array: "
            "[ before the first, commas between them, ] after the last. If they are in a property of this object, "
            "upload its array"
        )
    position = len(text[: error.pos].encode()) + 1
    return _("not JSON, at byte %(position)s: %(reason)s") % {"position": position, "reason": json_fault(text, error)}


class _NoNumberError(ValueError):
    """NaN or Infinity, which JSON does not have."""


def _refuse(text: str) -> NoReturn:
    raise _NoNumberError(text)
