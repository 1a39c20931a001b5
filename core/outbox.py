"""Transactional outbox: a row is marked as due until its message is sent, so lost tasks and errors lose no message."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

log = structlog.get_logger("kontor.outbox")

# Longer than sending takes. Older claims belong to dead workers.
CLAIMED_FOR = timedelta(minutes=2)
# Allows time for a worker to pick up the task sent along with the row.
LOST_AFTER = timedelta(minutes=2)

Row = TypeVar("Row", bound=Model)


class MessageRefusedError(Exception):
    """The message was refused for good: trying again would be in vain. The text has no personal data."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """Names of the columns of a model: whether a message is due, when a worker claimed it, since when it is due.

    `refused_at` says when the last message was refused for good. It is then no longer due.
    """

    due: str
    claimed_at: str
    due_since: str
    refused_at: str

    @contextmanager
    def claim(self, rows: QuerySet[Row], pk: int, **columns: Any) -> Iterator[QuerySet[Row] | None]:
        """Claim one of the rows for the block, which sends its message, and write the columns.

        Uses one conditional UPDATE, so that only one of several deliveries sends. Yields the row as a queryset, which
        is empty once the claim is lost; None if no message is due or another worker has claimed it. The message counts
        as sent when the block ends; if it raises, the claim is released. MessageRefusedError ends the message, and is
        recorded instead of raised.
        """
        now = timezone.now()
        if not self._free(rows, now).filter(pk=pk).update(**self._taken(now), **columns):
            yield None
            return
        with self._held(rows.model._default_manager.filter(pk=pk, **{self.claimed_at: now})) as claimed:
            yield claimed

    @contextmanager
    def claim_all(self, rows: QuerySet[Row]) -> Iterator[QuerySet[Row] | None]:
        """Claim all of the rows of which a message is due, for one message about all of them; else like `claim`."""
        now = timezone.now()
        with transaction.atomic():
            free = self._free(rows, now).select_for_update(skip_locked=True)
            keys = list(free.values_list("pk", flat=True))
            rows.model._default_manager.filter(pk__in=keys).update(**self._taken(now))
        if not keys:
            yield None
            return
        with self._held(rows.model._default_manager.filter(pk__in=keys, **{self.claimed_at: now})) as claimed:
            yield claimed

    def _free(self, rows: QuerySet[Row], now: datetime) -> QuerySet[Row]:
        """Return the rows whose message is due and that nobody is sending."""
        is_free = Q(**{self.claimed_at: None}) | Q(**{f"{self.claimed_at}__lt": now - CLAIMED_FOR})
        return rows.filter(is_free, **{self.due: True})

    def _taken(self, now: datetime) -> dict[str, Any]:
        return {self.claimed_at: now, self.refused_at: None}

    @contextmanager
    def _held(self, claimed: QuerySet[Row]) -> Iterator[QuerySet[Row]]:
        """Hold a claim for the block: sent at its end, released if it raises, given up if the message is refused."""
        try:
            yield claimed
        except MessageRefusedError as error:
            ids = list(claimed.values_list("pk", flat=True))
            claimed.update(**{self.due: False, self.claimed_at: None, self.refused_at: timezone.now()})
            log.warning("message_refused", table=claimed.model._meta.db_table, ids=ids, reason=str(error))
            return
        except Exception:
            claimed.update(**{self.claimed_at: None})
            raise
        claimed.update(**{self.due: False, self.claimed_at: None})

    def overdue(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """Return the rows whose message should have been sent by now, oldest first."""
        lost = {self.due: True, f"{self.due_since}__lt": timezone.now() - LOST_AFTER}
        return rows.filter(**lost).order_by(self.due_since)
