"""Search terms that users type (an id, a uid, an external id or parts of a name), and searches by changed paths."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, Q, TextField, Value
from django.db.models.sql.compiler import SQLCompiler

from core.documents import ancestors
from core.folding import FoldedLike
from core.serializers import INT32_MAX
from core.text import normalized

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def id_in(text: str) -> int | None:
    """Return the text as a row id, None if it is not a number in the range of ids."""
    # Check the length first: int() raises for thousands of digits.
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(INT32_MAX))
    return int(text) if is_number and int(text) <= INT32_MAX else None


def uuid_in(text: str) -> UUID | None:
    """Return the text as a UUID, None if it is not one in canonical form with hyphens."""
    return UUID(text) if _UUID.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """A search term. Falsy if it is empty, which matches every row."""

    text: str

    @classmethod
    def typed(cls, text: str) -> "SearchTerm":
        """Return the term in the form of stored text, and without NUL characters, which PostgreSQL rejects."""
        return cls(normalized(text.replace("\x00", "")))

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def id(self) -> int | None:
        return id_in(self.text)

    @property
    def words(self) -> list[str]:
        return self.text.split()

    def is_key(self) -> Q:
        """Return the condition that the term is the row's `id` or `uid`; an empty Q if it can be neither."""
        condition = Q()
        if (row_id := self.id) is not None:
            condition |= Q(pk=row_id)
        if (uid := uuid_in(self.text)) is not None:
            condition |= Q(uid=uid)
        return condition

    def parts_of(self, *columns: str) -> Q:
        """Return the condition that each word occurs in one of the columns, whatever case and accents."""
        condition = Q()
        for word in self.words:
            condition &= Q(*(FoldedLike(F(column), Value(word)) for column in columns), _connector=Q.OR)
        return condition


class _ChangedAsAWhole(Func):
    """Whether one of the paths in the second array is in the first, with nothing below it."""

    output_field = BooleanField()

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        (paths, column), (asked, values) = map(compiler.compile, self.get_source_expressions())
        below = f"SELECT FROM unnest({paths}) AS changed(path) WHERE starts_with(changed.path, asked.path || '.')"
        found = f"SELECT FROM unnest({asked}) AS asked(path) WHERE asked.path = ANY({paths}) AND NOT EXISTS ({below})"
        return f"EXISTS ({found})", [*values, *column, *column]


def changes_at(paths: Collection[str]) -> Q:
    """Return the condition that a row changes something at one of the paths or below it.

    The column `paths` has the changed paths and all their ancestors. An array changes as a whole, so a path inside one
    is at or below the path of the change.
    """
    above = sorted({place for path in paths for place in ancestors(path)})
    whole = _ChangedAsAWhole(F("paths"), Value(above, output_field=ArrayField(TextField())))
    return Q(paths__overlap=list(paths)) | Q(paths__overlap=above) & Q(whole)
