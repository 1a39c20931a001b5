"""`manage.py doctor`: reports problems of this installation and their remedies."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from operations.doctor import Grade, examine

_STYLES = {Grade.OK: "SUCCESS", Grade.WARNING: "WARNING", Grade.ERROR: "ERROR"}


class Command(BaseCommand):
    help = "Examines settings and servers, and says what to fix. The exit status is 1 if there is an error."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one object for programs, at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        found = []
        for part, finding in examine():
            found.append({"part": part, "grade": finding.grade, "text": finding.text, "remedy": finding.remedy})
            if not options["json"]:
                style = getattr(self.style, _STYLES[finding.grade])
                self.stdout.write(f"{style(f'{finding.grade:>7}')}  {part}: {finding.text}")
                if finding.remedy:
                    self.stdout.write(f"         -> {finding.remedy}")
        errors = sum(finding["grade"] == Grade.ERROR for finding in found)
        if options["json"]:
            self.stdout.write(json.dumps({"healthy": not errors, "findings": found}, indent=2))
        if errors:
            sys.exit(1)
