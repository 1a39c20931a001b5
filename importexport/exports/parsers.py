"""A body that is text."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from core.json import check_no_nul, decoded, read_body

MAX_QUERY_BYTES = 100_000


class PlainTextParser(BaseParser):
    media_type = "text/plain"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The text. Raises PayloadTooLarge; BadRequest for what is not UTF-8 or holds a NUL."""
        text = decoded(read_body(stream, limit=MAX_QUERY_BYTES))
        check_no_nul(text)
        return text


class UntypedTextParser(PlainTextParser):
    """The same for a body that does not say what it is."""

    media_type = ""
