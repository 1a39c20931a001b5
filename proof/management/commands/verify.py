"""`manage.py verify`: finds what was changed in the ledger, whoever did it."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from audit.documents import subject_kinds
from proof.keys import read_public_key
from proof.verification.running import Report, verify_all, verify_since, verify_subjects


class Command(BaseCommand):
    help = (
        "Verifies seals, histories and the present details of contacts and legal entities. The exit status is 1 if"
        " something was changed, removed, added, reordered or moved."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", type=int, metavar="SEAL", help="only entries sealed after this seal")
        parser.add_argument("--contact", type=int, metavar="ID", help="only this contact")
        parser.add_argument("--public-key", type=Path, metavar="FILE", help="the key of the first seal, kept elsewhere")
        parser.add_argument("--seals", type=Path, metavar="FILE", help="seals kept elsewhere, which count")
        parser.add_argument("--processes", type=int, default=2)

    def handle(self, *args: Any, **options: Any) -> None:
        report = _verified(options)
        for finding in report.findings:
            self.stdout.write(str(finding))
        begins = report.begins
        since = "Nothing was ever sealed." if begins is None else f"Sealed since {begins:%Y-%m-%d %H:%M} UTC."
        self.stdout.write(
            f"{report.entries} entries, {report.erased} of them erased, {report.unsealed} not sealed yet;"
            f" {report.seals} seals. {since}"
        )
        if report.findings:
            self.stdout.write(self.style.ERROR(f"{len(report.findings)} findings."))
            sys.exit(1)
        self.stdout.write(self.style.SUCCESS("Nothing was changed."))


def _verified(options: dict[str, Any]) -> Report:
    try:
        key = options["public_key"] and read_public_key(options["public_key"].read_bytes())
        outside = {"public_key": key, "copies": options["seals"]}
        if options["contact"] is not None:
            return verify_subjects(subject_kinds("contact"), options["contact"], **outside)
        if options["since"] is not None:
            return verify_since(options["since"], **outside)
        return verify_all(**outside, processes=options["processes"])
    except (OSError, ValueError) as problem:
        raise CommandError(str(problem)) from problem
