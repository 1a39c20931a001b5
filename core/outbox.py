"""Messages that are due: a row says so until its message is out, so a lost task or a failed try loses none."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

# Longer than sending takes. A claim that is older is of a worker that died.
CLAIMED_FOR = timedelta(minutes=2)
# Long enough for a worker to take the task that was sent with the row.
LOST_AFTER = timedelta(minutes=2)

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Outbox:
    """The columns of a model that say whether a message is due, who sends it right now, and since when it is due."""

    due: str
    claimed_at: str
    due_since: str

    @contextmanager
    def claim(self, rows: QuerySet[Row], pk: int, **columns: Any) -> Iterator[QuerySet[Row] | None]:
        """Claim a row of these for the block that sends its message, and write the columns with the claim.

        One conditional update decides, so that of two deliveries one does the work. Yields the row as a queryset,
        which is empty once the claim is lost; None where nothing is due, or another worker has the claim. When the
        block ends the message counts as sent; an error gives the claim back and is raised.
        """
        now = timezone.now()
        is_free = Q(**{self.claimed_at: None}) | Q(**{f"{self.claimed_at}__lt": now - CLAIMED_FOR})
        if not rows.filter(is_free, pk=pk, **{self.due: True}).update(**{self.claimed_at: now}, **columns):
            yield None
            return
        claimed = rows.model._default_manager.filter(pk=pk, **{self.claimed_at: now})
        try:
            yield claimed
        except Exception:
            claimed.update(**{self.claimed_at: None})
            raise
        claimed.update(**{self.due: False, self.claimed_at: None})

    def overdue(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """The rows whose message should be out by now, the oldest first."""
        lost = {self.due: True, f"{self.due_since}__lt": timezone.now() - LOST_AFTER}
        return rows.filter(**lost).order_by(self.due_since)
