"""Parsing of search terms that users type: an id, a uid, an external id or parts of a name."""

import re
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from core.serializers import INT32_MAX

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
        """Return the term without NUL characters, which PostgreSQL rejects, and without edge spaces."""
        return cls(text.replace("\x00", "").strip())

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
        """Return the condition that each word occurs in one of the columns, ignoring case."""
        condition = Q()
        for word in self.words:
            condition &= Q(*((f"{column}__icontains", word) for column in columns), _connector=Q.OR)
        return condition
