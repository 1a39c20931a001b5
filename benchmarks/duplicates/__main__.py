"""`python -m benchmarks.duplicates`: how many duplicates Kontor finds, beside Splink and recordlinkage in the same run.

Prints recall and precision per set. Nobody is given the labels: Kontor has the weights of its table, the others
train on the set. Splink and Kontor are shown at two thresholds each.
"""

import time
import warnings
from collections.abc import Callable, Collection

from benchmarks import place  # noqa: F401 - first: it sets up Django

# isort: split
from benchmarks.duplicates.kontor import matched
from benchmarks.duplicates.others import by_recordlinkage, by_splink
from benchmarks.duplicates.sets import LabelledSet, Pair, febrl, swiss
from matching.scoring import Verdict


def main() -> None:
    warnings.filterwarnings("ignore")
    print(f"{'set':<20} {'matcher':<22} {'recall':>7} {'precision':>9} {'pairs':>7} {'seconds':>8}")
    for labelled in (febrl(), febrl(with_number=False), swiss()):
        for name, run in MATCHERS.items():
            start = time.perf_counter()
            results = run(labelled)
            seconds = time.perf_counter() - start
            for threshold, found in results.items():
                _line(labelled, f"{name} {threshold}".strip(), found, seconds)


def _kontor(labelled: LabelledSet) -> dict[str, Collection[Pair]]:
    found = matched(labelled)
    return {
        "probable": {two for two, match in found.items() if match.verdict is Verdict.PROBABLE},
        "possible": {two for two, match in found.items() if match.verdict is not Verdict.UNLIKELY},
        "compared": found.keys(),
    }


def _splink(labelled: LabelledSet) -> dict[str, Collection[Pair]]:
    found = by_splink(labelled)
    return {str(least): {two for two, share in found.items() if share >= least} for least in (0.95, 0.5)}


MATCHERS: dict[str, Callable[[LabelledSet], dict[str, Collection[Pair]]]] = {
    "Kontor": _kontor,
    "Splink": _splink,
    "recordlinkage": lambda labelled: {"": by_recordlinkage(labelled)},
}


def _line(labelled: LabelledSet, name: str, found: Collection[Pair], seconds: float) -> None:
    right = len(labelled.truth.intersection(found))
    recall, precision = right / len(labelled.truth), right / max(1, len(found))
    print(
        f"{labelled.name:<20} {name:<22} {recall:>7.4f} {precision:>9.4f} {len(found):>7} {seconds:>8.1f}", flush=True
    )


if __name__ == "__main__":
    main()
