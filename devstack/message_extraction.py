"""Translatable texts of Django templates, for Babel; babel.cfg names this method of extraction."""

from collections.abc import Collection, Iterator, Mapping
from io import BytesIO
from typing import IO, Any

from babel.messages.extract import extract_python
from django.utils.translation.template import templatize


def from_template(
    source: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[tuple[Any, ...]]:
    """The texts that the template's tags translate, as (line, function, texts, comments)."""
    text = templatize(source.read().decode(), origin=getattr(source, "name", None))
    # Each tag has become a call of gettext and all else rows of letters; an indent would mean something in Python.
    code = "\n".join(line.lstrip() for line in text.split("\n"))
    return extract_python(BytesIO(code.encode()), keywords, comment_tags, {"encoding": "utf-8"})
