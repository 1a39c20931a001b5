"""Babel extraction method for Django templates, registered in babel.cfg."""

from collections.abc import Collection, Iterator, Mapping
from io import BytesIO
from typing import IO, Any

from babel.messages.extract import extract_python
from django.utils.translation.template import templatize


def from_template(
    source: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[tuple[Any, ...]]:
    """Yield the translatable texts of a template as (line, function, texts, comments)."""
    text = templatize(source.read().decode(), origin=getattr(source, "name", None))
    # templatize() turns tags into gettext calls and all other text into filler; Python would reject its indentation.
    code = "\n".join(line.lstrip() for line in text.split("\n"))
    return extract_python(BytesIO(code.encode()), keywords, comment_tags, {"encoding": "utf-8"})
