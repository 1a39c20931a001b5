"""JSON in requests and responses.

Parsing is strict: unique names, numbers that a double holds exactly, text that PostgreSQL can store, bounded depth and
size. Rendering ignores the Accept header, so that a client always gets the response, errors included.
"""

import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, DecimalException
from typing import IO, Any, NoReturn

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from core.errors import BadRequest, PayloadTooLarge
from core.text import code_point, is_storable

MAX_DEPTH = 64
# Other names for JSON, such as `application/merge-patch+json`.
OTHER_JSON = re.compile(r"text/json|application/[a-z0-9!#$&^_.-]+\+json")
WHITE_SPACE = " \t\r\n"
GZIP = b"\x1f\x8b"
# A double holds any 15 digits.
MAX_SURE_LENGTH = 15
MAX_NUMBER_LENGTH = 1_000


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadRequest(_("The property “%(name)s” is given twice.") % {"name": twice[:80]})
    return members


def is_held_exactly(text: str) -> bool:
    """Return whether a double holds the number that the text writes, so that it comes back as it was written."""
    if len(text) <= MAX_SURE_LENGTH and "e" not in text.lower():
        return True
    if len(text) > MAX_NUMBER_LENGTH:
        return False
    held = float(text)
    try:
        return Decimal(text) in (Decimal(repr(held)), Decimal(held))
    except DecimalException:  # an exponent of many digits
        return False


def _float(text: str) -> float:
    _check_number(text)
    return float(text)


def _int(text: str) -> int:
    _check_number(text)
    return int(text)


def _check_number(text: str) -> None:
    if not is_held_exactly(text):
        raise BadRequest(inexact_message(text))


def inexact_message(text: str) -> str:
    """Return what is wrong with a number that a double does not hold as it is written."""
    return _("The number %(number)s is too large, too small or has too many digits to be kept as it is.") % {
        "number": text[:40]
    }


def _not_json(text: str) -> NoReturn:
    raise BadRequest(_("%(text)s is not JSON.") % {"text": text})


def _check(document: Any, *, text: bool) -> None:
    """Reject excessive nesting and, if `text`, text that PostgreSQL cannot store (NUL, lone surrogates)."""
    level = [document]
    for _depth in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value.values())
                if text:
                    below.extend(value)
            elif isinstance(value, list):
                below.extend(value)
            elif text and isinstance(value, str):
                check_no_nul(value)
                if not is_storable(value):
                    raise BadRequest(_("Text must not contain half of a surrogate pair."))
        if not below:
            return
        level = below
    raise BadRequest(_("The document is nested more than %(depth)s levels deep.") % {"depth": MAX_DEPTH})


def check_no_nul(text: str) -> None:
    """Raise BadRequest if the text contains NUL, which PostgreSQL cannot store."""
    if "\x00" in text:
        raise BadRequest(_("Text must not contain the NUL character."))


def decoded(body: bytes) -> str:
    """Decode a UTF-8 body, with or without a BOM. Raises BadRequest if it is not UTF-8."""
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise BadRequest(_("The body is UTF-16. Send it in UTF-8."))
    if body.startswith(GZIP):
        raise BadRequest(_("The body is gzipped. Send it unpacked."))
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(
            _("The body is not UTF-8: byte %(position)s cannot be read.") % {"position": error.start}
        ) from None


def json_fault(text: str, error: json.JSONDecodeError) -> str:
    """Return what is wrong where the parser stopped, and what to do about it, as the end of a sentence."""
    at = error.pos
    for start, fault in _FAULTS_IN_TEXTS.items():
        if error.msg.startswith(start):
            return fault()
    found = text[at : at + 1]
    if found == "\ufeff":
        return _("there is a byte order mark in the middle: remove it")
    if error.msg == "Extra data":
        rest = text[at:].rstrip()
        return _("a comma follows the end: remove it") if rest == "," else _("something follows after the end")
    if not found:
        return _("it ends too early")
    # Some versions of the parser point at the comma, others at what follows it.
    after = text[at:].lstrip(f"{WHITE_SPACE},")[:1]
    if after in ("]", "}") and "," in text[len(text[:at].rstrip(f"{WHITE_SPACE},")) : at + 1]:
        return _("a comma comes before the closing %(sign)s: remove it") % {"sign": after}
    for signs, fault in _FAULTS_OF_SIGNS.items():
        if found in signs:
            return fault()
    if error.msg.startswith("Expecting property name"):
        return _("the name %(found)s has no double quotes") % {"found": _shown(text, at)}
    return _("%(found)s was not expected") % {"found": _shown(text, at)}


# By how the parser's message begins, or by the sign at which it stopped.
_FAULTS_IN_TEXTS: Mapping[str, Callable[[], str]] = {
    "Invalid control character": lambda: _(
        "a text has a line break or another control character: write it as an escape, such as \\n"
    ),
    "Unterminated string": lambda: _("a text has no closing quote"),
    "Invalid \\": lambda: _("a text has an escape that JSON does not know: write a backslash as two"),
}
_FAULTS_OF_SIGNS: Mapping[str, Callable[[], str]] = {
    "'‘’‚“”„«»": lambda: _('texts and names are written in double quotes (")'),
    "/#": lambda: _("JSON has no comments"),
    "%": lambda: _("it is percent-encoded: send it as it is"),
}


def _shown(text: str, at: int) -> str:
    """Return the word or sign at a place, as a quotation."""
    word = re.compile(r"\w{1,20}").match(text, at)
    found = word.group() if word else text[at : at + 1]
    return f"“{found}”" if found.isprintable() else code_point(found[0])


def parse_json(body: bytes) -> Any:
    """Parse one JSON document strictly. Raises BadRequest with a message that locates the fault."""
    text = decoded(body)
    try:
        document = json.loads(
            text, object_pairs_hook=_unique, parse_float=_float, parse_int=_int, parse_constant=_not_json
        )
    except json.JSONDecodeError as error:
        raise BadRequest(
            _("The body is not JSON, at line %(line)s, column %(column)s: %(reason)s.")
            % {"line": error.lineno, "column": error.colno, "reason": json_fault(text, error)}
        ) from None
    except RecursionError:
        raise BadRequest(_("The document is nested more than %(depth)s levels deep.") % {"depth": MAX_DEPTH}) from None
    escapes = "\\u" in text
    if escapes or text.count("{") + text.count("[") > MAX_DEPTH:
        _check(document, text=escapes)
    return document


def read_body(stream: IO[bytes], *, limit: int) -> bytes:
    """Read a body of up to `limit` bytes. Raises PayloadTooLarge without reading the rest of a larger one."""
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise PayloadTooLarge(_("The body is larger than %(limit)s.") % {"limit": filesizeformat(limit)})
    return body


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = read_body(stream, limit=settings.API_MAX_BODY_BYTES)
        return parse_json(body)


def _default(value: object) -> str:
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def json_bytes(data: Any) -> bytes:
    """The data as every answer has it. Raises TypeError for what is no JSON; lazy texts are read."""
    return orjson.dumps(data, default=_default, option=orjson.OPT_NON_STR_KEYS)


class ORJSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else json_bytes(data)


def rendered(data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a response that is JSON already, outside DRF and for hot operations.

    DRF's Response is a TemplateResponse, whose deferred rendering takes longer than the JSON itself.
    """
    return HttpResponse(json_bytes(data), status=status, content_type=ORJSONRenderer.media_type, headers=headers)


class OneRenderer(BaseContentNegotiation):
    """Content negotiation: always the view's first renderer, and the parser for the body's media type."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        found = {parser.media_type: parser for parser in parsers}
        if media_type not in found and OTHER_JSON.fullmatch(media_type):
            media_type = StrictJSONParser.media_type
        return found.get(media_type)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type
