"""Create and drop search indexes to match the schemas, as Celery beat does every minute."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from importexport.graphql.indexes import keep_search_indexes


class Command(BaseCommand):
    help = "Make the search indexes that the schemas ask for and drop the others. Writers are not blocked."

    def handle(self, *args: Any, **options: Any) -> None:
        changes = keep_search_indexes()
        if changes.is_busy:
            raise CommandError("Another process is at it. Try again when it has finished.")
        for name in changes.dropped:
            self.stdout.write(f"dropped {name}")
        for index in changes.created:
            self.stdout.write(f"created {index.name} on {index.model._meta.label} {'.'.join(index.path)}")
        if not (changes.dropped or changes.created):
            self.stdout.write("The search indexes are up to date.")
