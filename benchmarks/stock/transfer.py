"""Import a file or export rows with django-import-export, and print the duration in seconds.

python -m benchmarks.stock.transfer import FILE
python -m benchmarks.stock.transfer export ROWS PATH ...
"""

import json
import sys
import time
from pathlib import Path

import django

django.setup()

import tablib  # noqa: E402

from benchmarks.stock.models import Contact  # noqa: E402
from benchmarks.stock.resources import ContactResource, export_resource  # noqa: E402


def import_file(file: Path) -> None:
    """Import every entry in one transaction, the default of django-import-export."""
    rows = [
        (entry["username"], entry["externalId"], json.dumps(entry["details"])) for entry in json.loads(file.read_text())
    ]
    dataset = tablib.Dataset(*rows, headers=["username", "external_id", "details"])
    result = ContactResource().import_data(dataset, raise_errors=True)
    assert result.totals["new"] == len(rows), result.totals


def export_rows(rows: int, paths: list[str]) -> None:
    """Export the first rows as CSV, with a column for each path of the details."""
    chosen = Contact.objects.order_by("pk")[:rows]
    exported = export_resource(paths).export(chosen).csv
    assert exported.count("\n") >= rows


began = time.perf_counter()
if sys.argv[1] == "import":
    import_file(Path(sys.argv[2]))
else:
    export_rows(int(sys.argv[2]), sys.argv[3:])
print(time.perf_counter() - began)
