"""Time of the queue and of searches with a million requests of three kinds, compared with ten thousand.

    python -m benchmarks.queue [--requests 1000000] [--subjects 100000]

Each search is a whole request in this process. Each run creates a new database, which writes to disk as in production.
"""

import argparse
from statistics import median

from benchmarks.place import make_place  # first: it sets up Django

# isort: split
from django.core.management import call_command

from benchmarks.change_requests import TABLES
from benchmarks.data import tidy
from benchmarks.queue.filling import SUBJECTS, add_people, add_subjects, replace_requests
from benchmarks.queue.searches import searches
from benchmarks.rounds import timed

FEW = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--subjects", type=int, default=100_000)
    options = parser.parse_args()
    make_place()
    call_command("collectstatic", interactive=False, verbosity=0)  # for the pages of the admin
    add_people()
    add_subjects(options.subjects)
    tidy(*SUBJECTS)
    few = measured(FEW, subjects=options.subjects)
    many = measured(options.requests, subjects=options.subjects)
    print(f"{'':36}{FEW:>17,}{options.requests:>17,}  ratio")
    for (name, who), milliseconds in many.items():
        before = few[name, who]
        print(f"{name:28}{who:8}{before:>14,.0f} ms{milliseconds:>14,.0f} ms{milliseconds / before:>7.1f}")


def measured(requests: int, *, subjects: int) -> dict[tuple[str, str], float]:
    """Return the median of the milliseconds of each search, with so many requests."""
    replace_requests(requests, subjects=subjects)
    tidy(*TABLES)
    return {(search.name, search.who): median(timed({"": search.run})[""]) for search in searches()}


if __name__ == "__main__":
    main()
