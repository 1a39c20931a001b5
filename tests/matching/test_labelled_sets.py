"""Recall and precision on parts of the sets that `python -m benchmarks.duplicates` measures as a whole."""

import csv
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import pytest

from benchmarks.duplicates.kontor import matched
from benchmarks.duplicates.make_swiss import FILE, made
from benchmarks.duplicates.sets import LabelledSet, febrl, swiss
from matching.scoring import Verdict


def recall_and_precision(labelled: LabelledSet) -> tuple[float, float]:
    found = {pair for pair, match in matched(labelled).items() if match.verdict is Verdict.PROBABLE}
    right = len(found & labelled.truth)
    return right / len(labelled.truth), right / len(found)


@pytest.mark.parametrize("labelled", [partial(febrl, most=800), partial(swiss, most=900)], ids=["febrl", "swiss"])
def test_probable_duplicates_are_found_and_are_duplicates(labelled: Callable[[], LabelledSet]) -> None:
    recall, precision = recall_and_precision(labelled())
    assert precision >= 0.98
    assert recall >= 0.95


def test_the_swiss_set_is_what_its_script_makes() -> None:
    with FILE.open(newline="", encoding="utf-8") as file:
        stored = list(csv.DictReader(file))
    assert stored == [{name: str(value) for name, value in asdict(row).items()} for row in made()]
