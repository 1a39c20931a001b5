"""What somebody means who types into a search box: an id, a uid, an id of another system, or parts of a name."""

import re
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from core.serializers import INT32_MAX

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def id_in(text: str) -> int | None:
    """The id that a text is, if it is one that a row can have."""
    # More digits than such an id has are not even read: Python refuses thousands of them.
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(INT32_MAX))
    return int(text) if is_number and int(text) <= INT32_MAX else None


def uuid_in(text: str) -> UUID | None:
    """The UUID that a text is, in its usual form: with hyphens, without braces."""
    return UUID(text) if _UUID.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """A typed term. It is false if nothing was typed: then every row is meant."""

    text: str

    @classmethod
    def typed(cls, text: str) -> "SearchTerm":
        """The term without what PostgreSQL cannot compare with and without space at its ends."""
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
        """Whether the term is the row's `id` or `uid`; an empty condition if it can be neither."""
        condition = Q()
        if (row_id := self.id) is not None:
            condition |= Q(pk=row_id)
        if (uid := uuid_in(self.text)) is not None:
            condition |= Q(uid=uid)
        return condition

    def parts_of(self, *columns: str) -> Q:
        """Whether each word is part of one of the columns, whatever its case."""
        condition = Q()
        for word in self.words:
            condition &= Q(*((f"{column}__icontains", word) for column in columns), _connector=Q.OR)
        return condition
