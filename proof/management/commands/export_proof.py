"""`manage.py export_proof`: the proof of a contact's history, for a court."""

import json
from argparse import ArgumentParser
from importlib.resources import files
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from audit.documents import subject_kinds
from core.errors import NotFound
from proof.exporting import proof_of


class Command(BaseCommand):
    help = "Exports everything that was recorded of a contact, with what proves it. The file has personal data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("contact", type=int, metavar="ID")
        parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
        parser.add_argument("--script", type=Path, metavar="FILE", help="also the program that verifies it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            proof = proof_of("contact", subject_kinds("contact"), options["contact"])
        except NotFound as error:
            raise CommandError(f"There is no contact {options['contact']}.") from error
        try:
            options["output"].write_bytes(json.dumps(proof, ensure_ascii=False, indent=1).encode())
            if options["script"]:
                options["script"].write_bytes(files("proof").joinpath("verify_proof.py").read_bytes())
        except OSError as problem:
            raise CommandError(str(problem)) from problem
        unsealed = sum(entry["seal"] is None for entry in proof["entries"])
        self.stdout.write(f"{len(proof['entries'])} entries, {unsealed} not sealed yet; {len(proof['seals'])} seals.")
