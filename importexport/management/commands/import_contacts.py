"""Import contacts from JSON files."""

from argparse import ArgumentParser

from importexport.imports.commands import ImportCommand
from importexport.models import DuplicateMode, ImportKind


class Command(ImportCommand):
    help = (
        "Imports contacts from JSON files: docs/import.md says what they contain. Exits with 1 "
        "when entries failed; the others are imported nevertheless, and importing the file again changes nothing more. "
        "Once there are people, changes that require approval wait until somebody has approved them."
    )
    kind = ImportKind.CONTACTS

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--duplicates",
            choices=DuplicateMode.values,
            default=DuplicateMode.IGNORE,
            help="What becomes of entries that are probably the same person as another contact, or an earlier entry.",
        )
