"""Numbers the ledger's entries: gives each its event, and so its place in the feed.

There is no daemon: who reads the feed first numbers what has been committed since. Positions are given under a lock and
become visible in their order, so a reader who has come to a position never finds anything new before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from django.db import connection, transaction

from events.kinds import INSTITUTION, TYPE_OF_OTHERS, all_event_kinds
from events.models import Numbering

# What one statement numbers for a reader who waits, and in the background. Each looks at all that is left: many small
# ones would take forever after a large import.
BATCH, LARGE_BATCH = 20_000, 500_000
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
_UNNUMBERED = """
SELECT id FROM audit_entry
 WHERE id > %(floor)s AND transaction_id >= %(since)s::xid8
   AND NOT EXISTS (SELECT FROM events_event WHERE entry_id = audit_entry.id)
"""
_IS_BEHIND = f"SELECT EXISTS ({_UNNUMBERED})"
# Of one subject, entries have their ids in the order of their transactions, since each has locked its row.
_INSERT = f"""
INSERT INTO events_event (position, entry_id, type, participants, participants_before, application_id)
SELECT (SELECT COALESCE(max(position), 0) FROM events_event) + row_number() OVER (ORDER BY entry.id), entry.id,
       {{type}}, ({{participants}})::integer[], ({{before}})::integer[], ({{application}})::bigint
  FROM ({_UNNUMBERED} ORDER BY id LIMIT %(limit)s) unnumbered
  JOIN audit_entry entry USING (id)
"""  # noqa: S608 - constants


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
    def bounds(self) -> dict[str, int | str]:
        """The parameters of `_UNNUMBERED`."""
        return {"floor": self.floor, "since": "0" if self.is_restored else str(self.horizon)}

    def after_all(self) -> dict[str, int]:
        """Return the columns of the numbering once all of these entries have their event."""
        return {"horizon": self.xmin, "floor": max(self.floor, self.restored)}


def _reach() -> _Reach:
    with connection.cursor() as cursor:
        cursor.execute(_REACH)
        return _Reach(*map(int, cursor.fetchone()))


def number_events(*, is_in_background: bool = False) -> None:
    """Give committed entries their events, unless somebody else is at it. Holds an advisory lock while it does.

    After a large import only a part, so that no reader waits for long; all of them if it `is_in_background`.
    """
    if not _is_behind():
        return
    limit = LARGE_BATCH if is_in_background else BATCH
    while _number_batch("SELECT pg_try_advisory_xact_lock(%s)", limit=limit) and is_in_background:
        pass


def number_all_events() -> None:
    """Give every committed entry its event, and those of this transaction. Waits for others who number.

    In a transaction, nobody else numbers until it ends.
    """
    while _number_batch("SELECT pg_advisory_xact_lock(%s) IS NOT NULL", limit=LARGE_BATCH):
        pass


def _is_behind() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_IS_BEHIND, _reach().bounds)
        return bool(cursor.fetchone()[0])


@transaction.atomic
def _number_batch(lock: str, *, limit: int) -> bool:
    """Number so many entries; return whether there may be more, and nobody else is numbering."""
    with connection.cursor() as cursor:
        cursor.execute(lock, [_LOCK])
        if not cursor.fetchone()[0]:
            return False
        reach = _reach()
        cursor.execute(_insert(), {**reach.bounds, "limit": limit})
        if cursor.rowcount == limit:
            return True
    Numbering.objects.update(**reach.after_all())
    return False


@cache
def _insert() -> str:
    """Return the statement that numbers a batch. Every kind is registered once the apps are ready."""
    kinds = all_event_kinds()
    audience = {kind.key: kind.audience for kind in kinds}
    return _INSERT.format(
        type=_by_kind({kind.key: kind.type_sql for kind in kinds}, default=f"entry.kind || '{TYPE_OF_OTHERS}'"),
        participants=_by_kind({key: one.participants for key, one in audience.items()}, INSTITUTION.participants),
        before=_by_kind({key: one.before for key, one in audience.items()}, INSTITUTION.before),
        application=_by_kind({key: one.application for key, one in audience.items()}, INSTITUTION.application),
    )


def _by_kind(expressions: Mapping[str, str], default: str) -> str:
    """Return an expression that depends on the kind. One that nobody registered may not stop the feed."""
    cases = (f"WHEN '{key}' THEN {sql}" for key, sql in expressions.items() if sql != default)
    return f"CASE entry.kind {' '.join(cases)} ELSE {default} END"
