"""Reading the access log."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import BigIntegerField, DateTimeField, QuerySet, Value

from audit.access.models import Access, AccessLoss, AccessProcess

# A process writes at least every ten seconds. One that has been silent for so long is gone, or writes nothing.
SILENT_AFTER = timedelta(minutes=1)
MOST_GAPS = 100


@dataclass(frozen=True, slots=True)
class Gap:
    """A time from which rows of a process are missing.

    `rows` is how many it dropped, as far as it could say so itself; None, and no `until`, if it has not been heard of
    since: it was killed within seconds of `since`, or cannot reach the database.
    """

    program: str
    host: str
    pid: int
    since: datetime
    until: datetime | None
    rows: int | None


def accesses_of(contact_id: int) -> QuerySet[Access]:
    """Return who looked at a contact, latest first."""
    return Access.objects.filter(contact_id=contact_id).order_by("-at", "-id")


def accesses_by(actor_kind: int, actor_id: int) -> QuerySet[Access]:
    """Return what an actor looked at, latest first."""
    return Access.objects.filter(actor_kind=actor_kind, actor_id=actor_id).order_by("-at", "-id")


def gaps(*, since: datetime | None = None, until: datetime | None = None, now: datetime | None = None) -> list[Gap]:
    """Return the gaps of the log that touch a time, latest first, at most MOST_GAPS. Runs one query."""
    silent_since = (now or datetime.now(UTC)) - SILENT_AFTER
    silent = AccessProcess.objects.filter(ended_at=None, written_until__lt=silent_since)
    losses = AccessLoss.objects.all()
    if since is not None:
        losses, silent = losses.filter(until__gte=since), silent.filter(written_until__gte=since - SILENT_AFTER)
    if until is not None:
        losses, silent = losses.filter(since__lt=until), silent.filter(written_until__lt=until)
    of_losses = losses.values_list("process__program", "process__host", "process__pid", "since", "until", "rows")
    of_silence = silent.annotate(
        no_end=Value(None, DateTimeField()), unknown=Value(None, BigIntegerField())
    ).values_list("program", "host", "pid", "written_until", "no_end", "unknown")
    found = of_losses.union(of_silence, all=True).order_by("-since")[:MOST_GAPS]
    return [Gap(*row) for row in found]
