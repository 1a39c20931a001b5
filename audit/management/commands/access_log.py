"""Show the state of the access log, and drop what is beyond its retention."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.access.partitions import drop_old_partitions, make_partitions, may_drop, partitions
from audit.access.queries import Gap, gaps


class Command(BaseCommand):
    help = (
        "List the months of the access log (who looked at which contact) and its gaps. With --drop-old, first drop the "
        "months that are older than ACCESS_LOG_MONTHS: as the owner of the tables, once a month or after each migrate."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--drop-old", action="store_true", help="drop the months beyond the retention")

    def handle(self, *args: Any, **options: Any) -> None:
        make_partitions()
        if options["drop_old"]:
            if not may_drop():
                raise CommandError("Another role owns the access log. Run this as the owner of the tables.")
            for name in drop_old_partitions(months=settings.ACCESS_LOG_MONTHS):
                self.stdout.write(f"Dropped {name}.")
        months = [f"{part.month:%Y-%m}" for part in partitions()]
        self.stdout.write(f"Months: {months[0]} to {months[-1]}.")
        found = gaps()
        for gap in found:
            self.stdout.write(said(gap), self.style.WARNING)
        if not found:
            self.stdout.write("No gap.", self.style.SUCCESS)


def said(gap: Gap) -> str:
    """Return a gap in words."""
    process = f"{gap.program} {gap.host}:{gap.pid}"
    if gap.rows is None:
        return f"Gap: {process} has written until {gap.since:%Y-%m-%d %H:%M:%S%z} and has not ended since."
    return f"Gap: {process} dropped {gap.rows} rows of {gap.since:%Y-%m-%d %H:%M:%S%z} to {gap.until:%H:%M:%S%z}."
