"""Text without case and accents, in which people search and sort: Müller and MULLER, Straße and strasse.

PostgreSQL's extension `unaccent` is not on every server, and its function cannot be indexed. `kontor_folded` is ours.
"""

from typing import Any

from django.db.models import BooleanField, Func, TextField

_FUNCTION = """
CREATE OR REPLACE FUNCTION public.kontor_folded(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN octet_length(value) = length(value) THEN lower(value)
        ELSE translate(
            replace(replace(replace(replace(
                lower(regexp_replace(normalize(value, NFKD), '[\u0300-\u036f]', '', 'g')),
                'ß', 'ss'), 'ẞ', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
            'ıłøđðħŧς', 'iloddhtσ')
    END
$$
"""
CREATE_FUNCTION = _FUNCTION.strip()


class Folded(Func):
    """A text in lower case, decomposed, and without the accents of Latin, Greek and Cyrillic letters."""

    function = "kontor_folded"
    output_field = TextField()


class _Pattern(Func):
    """The folded text as a pattern of LIKE, in which its own wildcards are plain characters."""

    template = (
        r"('%(before)s' || regexp_replace(kontor_folded(%(expressions)s), '([\\%%%%_])', '\\\1', 'g')"
        " || '%(after)s')"
    )
    output_field = TextField()


class FoldedLike(Func):
    """Whether a text contains another one, or starts or ends with it, whatever case and accents."""

    arg_joiner = " LIKE "
    template = "(%(expressions)s)"
    output_field = BooleanField()

    def __init__(self, text: Any, searched: Any, *, is_start: bool = False, is_end: bool = False) -> None:
        pattern = _Pattern(searched, before="" if is_start else "%%", after="" if is_end else "%%")
        super().__init__(Folded(text), pattern)
