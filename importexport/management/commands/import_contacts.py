"""Import contacts from JSON files."""

from importexport.imports.commands import ImportCommand
from importexport.models import ImportKind


class Command(ImportCommand):
    help = (
        "Imports contacts from JSON files: docs/import.md says what they contain. Exits with 1 "
        "when entries failed; the others are imported nevertheless, and importing the file again changes nothing more. "
        "Once there are people, changes that require approval wait until somebody has approved them."
    )
    kind = ImportKind.CONTACTS
