"""Numbers the ledger's entries: gives each its event, and so its place in the feed.

There is no daemon: who reads the feed first numbers what has been committed since. Positions are given under a lock and
become visible in their order, so a reader who has come to a position never finds anything new before it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from audit.models import Entry
from events.kinds import Audience, event_kind
from events.models import Event, Numbering
from events.queries.feed import last_position

BATCH = 2_000
MOST_BATCHES = 5
# An advisory lock, for everybody who numbers.
_LOCK = 0x6B6F6E746F72_01
# In one snapshot: when it was taken, the numbering was so. Nobody but this transaction itself has one beyond it.
_REACH = """
SELECT horizon, floor, pg_snapshot_xmin(pg_current_snapshot()),
       COALESCE((SELECT max(id) FROM audit_entry
                  WHERE transaction_id >= pg_snapshot_xmax(pg_current_snapshot())
                    AND transaction_id IS DISTINCT FROM pg_current_xact_id_if_assigned()), 0)
  FROM events_numbering
"""


@dataclass(frozen=True, slots=True)
class _Reach:
    """Where unnumbered entries can be: in transactions from `horizon` on, with ids above `floor`.

    Every transaction below `xmin` had ended when this was read. `restored` is the last entry of a transaction that this
    server has not come to, 0 if there is none.
    """

    horizon: int
    floor: int
    xmin: int
    restored: int

    @property
    def is_restored(self) -> bool:
        """Return whether the database was restored to a server that counts transactions from a lower number.

        Nothing follows then from the numbers of the transactions before it.
        """
        return self.restored > self.floor

    @property
    def entries(self) -> QuerySet[Entry]:
        numbered = Event.objects.filter(entry=OuterRef("pk"))
        entries = Entry.objects.filter(~Exists(numbered), pk__gt=self.floor)
        return entries if self.is_restored else entries.filter(transaction_id__gte=self.horizon)

    def after_all(self) -> dict[str, int]:
        """Return the columns of the numbering once all of these entries have their event."""
        return {"horizon": self.xmin, "floor": max(self.floor, self.restored)}


def _reach() -> _Reach:
    with connection.cursor() as cursor:
        cursor.execute(_REACH)
        return _Reach(*map(int, cursor.fetchone()))


def number_events() -> None:
    """Give committed entries their events, unless somebody else is at it. Holds an advisory lock while it does.

    After a large import the rest is left to the next call, so that no reader waits for long.
    """
    if _reach().entries.exists():
        for _number in range(MOST_BATCHES):
            if not _number_batch("SELECT pg_try_advisory_xact_lock(%s)"):
                return


def number_all_events() -> None:
    """Give every committed entry its event, and those of this transaction. Waits for others who number.

    In a transaction, nobody else numbers until it ends.
    """
    while _number_batch("SELECT pg_advisory_xact_lock(%s) IS NOT NULL"):
        pass


@transaction.atomic
def _number_batch(lock: str) -> bool:
    """Number some entries; return whether there may be more, and nobody else is numbering."""
    with connection.cursor() as cursor:
        cursor.execute(lock, [_LOCK])
        if not cursor.fetchone()[0]:
            return False
    reach = _reach()
    # Of one subject, entries have their ids in the order of their transactions, since each has locked its row.
    found = list(reach.entries.order_by("pk").only("kind", "subject_id", "sequence", "paths")[:BATCH])
    Event.objects.bulk_create(_events(found, after=last_position()))
    if len(found) == BATCH:
        return True
    Numbering.objects.update(**reach.after_all())
    return False


def _events(entries: Sequence[Entry], *, after: int) -> list[Event]:
    audiences = _audiences(entries)
    return [
        Event(
            position=position,
            entry=entry,
            type=event_kind(entry.kind).type_of(entry),
            participants=_list(audiences[entry.pk].participants),
            participants_before=_list(audiences[entry.pk].before),
            application_id=audiences[entry.pk].application_id,
        )
        for position, entry in enumerate(entries, after + 1)
    ]


def _audiences(entries: Sequence[Entry]) -> dict[int, Audience]:
    by_kind: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_kind[entry.kind].append(entry)
    found: dict[int, Audience] = {}
    for kind, own in by_kind.items():
        found |= event_kind(kind).audiences(own)
    return found


def _list(ids: Sequence[int] | None) -> list[int] | None:
    return None if ids is None else list(ids)
