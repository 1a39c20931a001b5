"""CSV file with the faults of an import's entries."""

import csv
from collections.abc import Iterable, Iterator
from typing import TextIO

from core.spreadsheets import neutral
from importexport.models import ImportFailure

COLUMNS = ("file", "position", "externalId", "path", "message")


def write_failures(output: TextIO, failures: Iterable[ImportFailure]) -> Iterator[int]:
    """Write faults with the original file names. Yields the number of each line written, counted from 1."""
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for number, failure in enumerate(failures, 1):
        cells = (str(failure.file), failure.external_id, failure.path, failure.message)
        name, *texts = (neutral(cell or "") for cell in cells)
        writer.writerow([name, failure.position, *texts])
        yield number
