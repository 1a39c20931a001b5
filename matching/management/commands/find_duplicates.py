from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.actor import system_actor
from core.errors import ApiError
from core.jobs import UNFINISHED
from matching.models import DuplicateSearch, SearchStatus
from matching.searching import run_search, start_search


class Command(BaseCommand):
    help = "Compare all contacts, and list the pairs that are possibly one person. Once killed, a worker resumes it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--resume", action="store_true", help="resume the search of a worker that was lost")

    def handle(self, **options: Any) -> None:
        try:
            search = self._unfinished() if options["resume"] else start_search(actor=system_actor("find_duplicates"))
        except ApiError as error:
            raise CommandError(str(error)) from error
        run_search(search.pk, report=self._report)
        search.refresh_from_db()
        if search.status != SearchStatus.COMPLETED:
            raise CommandError(search.error_message or "Another worker is running the search.")
        self.stdout.write(f"{search.processed} contacts compared, {search.found} new pairs.")

    def _unfinished(self) -> DuplicateSearch:
        search = DuplicateSearch.objects.filter(status__in=UNFINISHED).first()
        if search is None:
            raise CommandError("No search is unfinished.")
        return search

    def _report(self, search: DuplicateSearch) -> None:
        self.stderr.write(f"{search.processed} of {search.total} contacts")
