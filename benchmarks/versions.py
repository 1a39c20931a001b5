"""`python -m benchmarks.versions CHECKOUT`: compares this version with the one in another checkout, in the same rounds.

Both serve the same database, migrated by this version, as during an upgrade: so the other one must be a version that
can be upgraded from. A ratio above 1 means that this version is faster. Needs wrk.
"""

import argparse
from pathlib import Path

from benchmarks import place  # first: it makes Django ready

# isort: split
from benchmarks import data
from benchmarks.http import each, house_now, kontor, middle, rounds_of
from benchmarks.load import wrk
from benchmarks.report import Figure, ratio, table

CONTACTS, ROUNDS = 20_000, 7


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.versions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--gunicorn", default="operations.gunicorn", help="the settings' module in that checkout")
    parser.add_argument("--contacts", type=int, default=CONTACTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    wrk()
    place.make_place()
    data.stage_documents()
    data.fill_contacts(options.contacts)
    print(table(compared(options.checkout.resolve(), options.gunicorn, options.rounds)))


def compared(checkout: Path, settings: str, rounds: int) -> list[Figure]:
    house = house_now()
    figures = []
    with kontor(house) as this, kontor(house, checkout=checkout, settings=settings) as other:
        for work in this.loads:
            found = rounds_of({"this": this, "other": other}, work, rounds)
            for name in ("p50", "p99"):
                faster = ratio(each(found["other"], name), each(found["this"], name))
                figures.append(Figure(f"{work}, {name}", middle(found["this"], name), "ms", checkout.name, faster))
    return figures


if __name__ == "__main__":
    main()
