"""Places in long lists that are read from the latest on: a page begins after a row, and nothing is counted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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
