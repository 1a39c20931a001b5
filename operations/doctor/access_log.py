"""Examines the access log: whether its months are there, and whether months are kept for too long."""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError

from audit.access.partitions import old_partitions, partitions
from operations.doctor.findings import Finding, error, ok, shortened, warning


def examine_access_log() -> Iterator[Finding]:
    """Check that there is a partition for this month, and none beyond the retention."""
    try:
        months = {part.month for part in partitions()}
        old = old_partitions(months=settings.ACCESS_LOG_MONTHS)
    except DatabaseError as problem:
        yield error(f"Not known: {type(problem).__name__}", "See the database and the migrations.")
        return
    this_month = datetime.now(UTC).date().replace(day=1)
    if this_month not in months:
        yield error(
            "There is no partition for this month, so nothing can be written",
            "Run beat and a worker, or manage.py access_log.",
        )
    if old:
        yield warning(
            f"{len(old)} months are older than ACCESS_LOG_MONTHS: {shortened([part.name for part in old])}",
            "As the owner of the tables: manage.py access_log --drop-old",
        )
    if this_month in months and not old:
        yield ok("access log")
