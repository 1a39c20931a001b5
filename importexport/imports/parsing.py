"""One entry, from bytes to JSON: as strict as everywhere (`core.json`), fast where there is nothing to refuse."""

import json
from typing import Any, NoReturn

import orjson
from django.utils.translation import gettext as _

from core.json import MAX_DEPTH, parse_json
from importexport.imports.reading import NotAnImportFileError

# Escapes that stand for NUL, or for the signs that names are told by; and halves of surrogate pairs.
_DOUBTFUL = tuple(rb"\u" + rest for rest in (b"000", b"001", b"002", b"003", b"d", b"D"))
# Every digit as 0 and everything else as a blank: a run of zeros is a number of as many digits, or a text that has one.
_DIGITS = bytes(ord("0") if ord("0") <= sign <= ord("9") else ord(" ") for sign in range(256))
_MANY_DIGITS = b"0" * 16


def parse_entry(content: bytes) -> Any:
    """The entry. Raises BadRequest like `parse_json`, which explains what orjson refuses and sees what it overlooks.

    orjson takes the last of two values for one name, in silence. Every name is followed by a colon; texts may hold some
    too, but then they do so again when the entry is written anew. So if there are fewer then, a name was lost. Where an
    escape could hide one, or a number may have more digits than a double, the slow way decides.
    """
    nesting = content.count(b"{") + content.count(b"[")
    if (
        nesting > MAX_DEPTH
        # The single byte is found much faster than any of the escapes.
        or (b"\\" in content and any(escape in content for escape in _DOUBTFUL))
        or _MANY_DIGITS in content.translate(_DIGITS)
    ):
        return parse_json(content)
    try:
        entry = orjson.loads(content)
    except orjson.JSONDecodeError:
        return parse_json(content)
    if orjson.dumps(entry).count(b":") != content.count(b":"):
        return parse_json(content)
    return entry


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
