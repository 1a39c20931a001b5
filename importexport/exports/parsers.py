"""A body that is text."""

from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from core.errors import BadRequest
from core.parsing import read_body

MAX_QUERY_BYTES = 100_000


class PlainTextParser(BaseParser):
    media_type = "text/plain"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The text. Raises PayloadTooLarge; BadRequest for what is not UTF-8 or holds a NUL."""
        body = read_body(stream, limit=MAX_QUERY_BYTES)
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadRequest(
                _("The body is not UTF-8: byte %(position)s cannot be read.") % {"position": error.start}
            ) from None
        if "\x00" in text:
            raise BadRequest(_("Text must not contain the NUL character."))
        return text


class UntypedTextParser(PlainTextParser):
    """The same for a body that does not say what it is."""

    media_type = ""
