"""Places in long lists that are read from the latest on: a page begins after a row, and nothing is counted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after this row, for the latest come first. Written as `microseconds-id`."""

    at: datetime
    id: int

    @classmethod
    def read(cls, text: str) -> "Place | None":
        """Return the place that an address names; None if it names none."""
        micros, _dash, row_id = text.partition("-")
        if not (text.isascii() and micros.isdecimal() and row_id.isdecimal() and len(text) <= 40):
            return None
        try:
            return cls(_EPOCH + int(micros) * _MICROSECOND, min(int(row_id), _MAX_ID))
        except OverflowError:
            return None

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _MICROSECOND}-{self.id}"


def latest(rows: Any, *, column: str, after: Place | None, size: int) -> tuple[list[Any], Place | None]:
    """Return a page of the rows of a query set, latest first by the time in a column, and where the next one begins.

    Runs one query, which finds one row more than the page has.
    """
    if after is not None:
        earlier = Q(**{f"{column}__lt": after.at}) | Q(**{column: after.at, "id__lt": after.id})
        # Said once more for the index.
        rows = rows.filter(earlier, **{f"{column}__lte": after.at})
    found = list(rows.order_by(f"-{column}", "-id")[: size + 1])
    shown = found[:size]
    return shown, Place(getattr(shown[-1], column), shown[-1].id) if len(found) > size else None
