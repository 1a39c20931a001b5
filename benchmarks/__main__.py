"""`python -m benchmarks [PART ...]`: run benchmarks, print the figures as a table and write them as JSON.

Runs all parts by default, in an order in which the database only grows.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import place  # first: it sets up Django

# isort: split
from benchmarks import data, events, exporting, finding, http, importing, proof, searching
from benchmarks.load import LoadError, wrk
from benchmarks.report import Figure, table, write

FEW, CONTACTS, MILLION = 1_000, 100_000, 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of: {', '.join(PARTS)}")
    parser.add_argument("--contacts", type=int, default=CONTACTS)
    parser.add_argument("--million", action="store_true", help="a million contacts: half an hour more")
    parser.add_argument("--json", type=Path, default=place.ROOT / "var" / "benchmark.json", metavar="FILE")
    options = parser.parse_args()
    unknown = set(options.parts) - PARTS.keys()
    if unknown:
        parser.error(f"There is no part {', '.join(sorted(unknown))}. There are: {', '.join(PARTS)}")
    parts = [part for part in PARTS if part in options.parts or not options.parts]
    try:
        figures = measured(parts, contacts=MILLION if options.million else options.contacts)
    except LoadError as error:
        sys.exit(str(error))
    write(figures, options.json, contacts=MILLION if options.million else options.contacts, parts=parts)
    print(f"\n{table(figures)}\n\n{options.json}")


def measured(parts: list[str], *, contacts: int) -> list[Figure]:
    if {"http", "flat"} & set(parts):
        wrk()
    place.make_place()
    data.stage_documents()
    figures: list[Figure] = []
    small = None
    if "flat" in parts:
        data.fill_contacts(FEW)
        small = http.kept("few")
    say(f"fill {contacts:,} contacts")
    data.fill_contacts(contacts)
    for part in parts:
        say(part)
        figures += http.flatness(small, few=FEW, many=contacts) if small and part == "flat" else PARTS[part]()
    return figures


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def _nothing() -> list[Figure]:
    return []


PARTS: dict[str, Callable[[], list[Figure]]] = {
    "http": http.measure,
    "flat": _nothing,
    "export": exporting.measure,
    "events": events.measure,
    # Before `contains`, whose indexes would slow down inserts.
    "import": importing.measure,
    "proof": proof.measure,
    "requests": searching.requests,
    "contains": searching.contains,
    "find": finding.measure,
}

if __name__ == "__main__":
    main()
