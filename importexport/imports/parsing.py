"""One entry, from bytes to JSON: as strict as everywhere (`core.parsing`), fast where there is nothing to refuse."""

import json
import re
from typing import Any, NoReturn

import orjson
from django.utils.translation import gettext as _

from core.parsing import MAX_DEPTH, parse_json
from importexport.imports.reading import NotAnImportFileError

_WHITE_SPACE = b" \t\r\n"
# Escapes that may stand for NUL or half a surrogate pair, and numbers that may have more digits than a double.
_DOUBTFUL = re.compile(rb"\\u(?:0000|[dD])|[0-9]{16}")


def parse_entry(content: bytes) -> Any:
    """The entry. Raises BadRequest like `parse_json`, which explains what orjson refuses and sees what it overlooks.

    orjson takes the last of two values for one name, in silence. Every name ends with `":`, once white space is gone;
    texts may hold that too, so that there can be more of them than names, and then the slow way decides.
    """
    nesting = content.count(b"{") + content.count(b"[")
    if nesting > MAX_DEPTH or _DOUBTFUL.search(content):
        return parse_json(content)
    try:
        entry = orjson.loads(content)
    except orjson.JSONDecodeError:
        return parse_json(content)
    if _names_in(entry) != content.translate(None, _WHITE_SPACE).count(b'":'):
        return parse_json(content)
    return entry


def _names_in(value: Any) -> int:
    if isinstance(value, dict):
        below = value.values()
        count = len(value)
    else:
        below = value
        count = 0
    for child in below:
        if isinstance(child, dict) or (isinstance(child, list) and child and not isinstance(child[0], str)):
            count += _names_in(child)
    return count


def check_json(content: bytes, where: str) -> Any:
    """The entry, if it is JSON in UTF-8 at all: all that an upload asks for. Raises NotAnImportFileError."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as refused:
        # orjson refuses numbers and texts that are JSON but cannot be stored: they are faults of their entry alone.
        fault = refused
    try:
        return json.loads(content.decode(), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        reason = _("byte %(position)s is not UTF-8") % {"position": error.start + 1}
    except (ValueError, RecursionError):
        reason = _("not JSON, at byte %(position)s: %(reason)s") % {"position": fault.pos + 1, "reason": fault.msg}
    raise NotAnImportFileError(_("%(place)s: %(reason)s.") % {"place": where, "reason": reason})


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)
