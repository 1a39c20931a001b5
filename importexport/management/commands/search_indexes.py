"""Create and drop search indexes to match the schemas, as Celery beat does every minute where it may."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from importexport.graphql.indexes import keep_search_indexes


class Command(BaseCommand):
    help = (
        "Make the search indexes that the schemas ask for and drop the others. Writers are not blocked. Run it as the "
        "owner of the tables."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=int, metavar="SECONDS", help="go on until stopped, at this interval")

    def handle(self, *args: Any, **options: Any) -> None:
        self._keep()
        while options["every"]:
            time.sleep(options["every"])
            self._keep(is_repeated=True)

    def _keep(self, *, is_repeated: bool = False) -> None:
        changes = keep_search_indexes()
        if changes.is_busy:
            raise CommandError("Another process is at it. Try again when it has finished.")
        if changes.is_refused:
            raise CommandError("Only the owner of the tables may create indexes. Run this as that role.")
        for name in changes.dropped:
            self.stdout.write(f"dropped {name}")
        for index in changes.created:
            self.stdout.write(f"created {index.name} on {index.model._meta.label} {'.'.join(index.path)}")
        if not (changes.dropped or changes.created or is_repeated):
            self.stdout.write("The search indexes are up to date.")
