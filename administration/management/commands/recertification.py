"""`manage.py recertification`: who may do and decide what, as of a date, for the manager's signature."""

import csv
import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.core.management.base import BaseCommand, CommandError
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.safestring import mark_safe

from accounts.models import Member
from administration.queries.recertification import Certified, end_of, recertification
from administration.recertification import COLUMNS, by_manager, cells
from core.spreadsheets import neutral

FORMATS = ("csv", "html", "json")


class Command(BaseCommand):
    help = (
        "Lists who may do and decide what: roles, permissions, superusers, participants, stages of the policies, "
        "substitutes and client applications. With --as-of, as it was at the end of that day, by the ledger."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", type=date.fromisoformat, metavar="YYYY-MM-DD", help="Today, unless given.")
        parser.add_argument("--manager", metavar="USERNAME", help="Only the members below this one.")
        parser.add_argument("--format", choices=FORMATS, default="csv", help="html is a page for signature.")

    def handle(self, *args: Any, **options: Any) -> None:
        day, manager = options["as_of"] or timezone.localdate(), options["manager"]
        if day > timezone.localdate():
            raise CommandError("That day is still to come.")
        if manager is not None and not Member.objects.filter(user__username__iexact=manager).exists():
            raise CommandError("There is no member with this username.")
        with translation.override("en"):
            rows = recertification(moment=end_of(day), manager=manager)
            getattr(self, f"_{options['format']}")(rows, day)

    def _csv(self, rows: list[Certified], day: date) -> None:
        writer = csv.writer(self.stdout)
        writer.writerow(["As of", *map(str, COLUMNS.values())])
        for row in rows:
            writer.writerow([day.isoformat(), *map(neutral, cells(row))])

    def _json(self, rows: list[Certified], day: date) -> None:
        found = {"asOf": day.isoformat(), "members": [row.as_json() for row in rows]}
        self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))

    def _html(self, rows: list[Certified], day: date) -> None:
        style = Path(str(finders.find("administration/recertification.css"))).read_text()
        context = {
            "day": day,
            "columns": list(COLUMNS.values())[1:],
            "managers": by_manager(rows),
            # A file of its own, that no page of Kontor serves: so its style is in it.
            "style": mark_safe(f"<style>{style}</style>"),  # noqa: S308 - our own file
            "language": translation.get_language(),
        }
        self.stdout.write(render_to_string("administration/recertification.html", context))
