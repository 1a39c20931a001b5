"""What was wrong with entries, as a CSV file for people."""

import csv
from collections.abc import Iterable, Iterator
from typing import TextIO

from importexport.models import ImportFailure

COLUMNS = ("file", "position", "externalId", "path", "message")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_failures(output: TextIO, failures: Iterable[ImportFailure]) -> Iterator[int]:
    """Write faults, the files by the names that they were uploaded under; yields the number of each line written."""
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for number, failure in enumerate(failures, 1):
        cells = (failure.file.original_name, failure.external_id, failure.path, failure.message)
        name, *texts = (_harmless(cell or "") for cell in cells)
        writer.writerow([name, failure.position, *texts])
        yield number


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
