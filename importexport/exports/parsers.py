"""Parsers for bodies that are the text of a query."""

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
        """Return the text as JSON would have it. Raise PayloadTooLarge; BadRequest for invalid UTF-8 or a NUL."""
        text = decoded(read_body(stream, limit=MAX_QUERY_BYTES))
        check_no_nul(text)
        return {"query": text}


class UntypedTextParser(PlainTextParser):
    """The same for a body without a content type."""

    media_type = ""
