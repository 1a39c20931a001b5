"""The same sets by Splink and by recordlinkage, each used as its own documentation does."""

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

import pandas as pd
import recordlinkage
import splink.comparison_library as library
from recordlinkage import Compare, ECMClassifier
from splink import Linker, SettingsCreator, block_on
from splink.backends.duckdb import DuckDBAPI

from benchmarks.duplicates.sets import LabelledSet, Pair, pair

_BLOCKS = (
    ("firstName", "lastName"),
    ("firstName", "dateOfBirth"),
    ("lastName", "dateOfBirth"),
    ("dateOfBirth", "postalCode"),
    ("firstName", "postalCode"),
    ("lastName", "postalCode"),
    ("street", "houseNumber"),
    ("email",),
    ("mobile",),
    ("taxNumber",),
)


def by_splink(labelled: LabelledSet) -> dict[Pair, float]:
    """Return the pairs that Splink finds, with its probability. Its model is trained on the set, without labels."""
    api = DuckDBAPI()
    names = ("originals", "copies")
    tables = [api.register(frame, table_name=name) for frame, name in zip(labelled.files(), names, strict=False)]
    known = _known(labelled)
    compared: dict[str, Any] = {
        "firstName": library.NameComparison,
        "lastName": library.NameComparison,
        "dateOfBirth": partial(library.DateOfBirthComparison, input_is_string=True),
        "street": partial(library.JaroWinklerAtThresholds, score_threshold_or_thresholds=[0.9, 0.7]),
        "city": partial(library.JaroWinklerAtThresholds, score_threshold_or_thresholds=[0.9, 0.7]),
        "postalCode": partial(library.LevenshteinAtThresholds, distance_threshold_or_thresholds=[1, 2]),
        "houseNumber": partial(library.LevenshteinAtThresholds, distance_threshold_or_thresholds=[1]),
        "taxNumber": partial(library.LevenshteinAtThresholds, distance_threshold_or_thresholds=[1, 2]),
        "email": library.EmailComparison,
        "mobile": partial(library.LevenshteinAtThresholds, distance_threshold_or_thresholds=[1, 2]),
    }
    settings = SettingsCreator(
        link_type="link_only" if labelled.is_linked else "dedupe_only",
        comparisons=[comparison(column) for column, comparison in compared.items() if column in known],
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in _blocks(known)],
    )
    linker = Linker(tables, settings, log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("firstName", "lastName", "dateOfBirth"), block_on("lastName", "street", "postalCode")], recall=0.6
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (("dateOfBirth",), ("lastName", "postalCode")):
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*rule), record_sample_proportion=1.0
        )
    found = linker.inference.predict(threshold_match_probability=0.01).as_pandas_dataframe()
    columns = (found["unique_id_l"], found["unique_id_r"], found["match_probability"])
    return {pair(one, other): float(share) for one, other, share in zip(*columns, strict=True)}


def by_recordlinkage(labelled: LabelledSet) -> set[Pair]:
    """Return the pairs that recordlinkage's own classifier links: ECM, which is trained without labels too."""
    frames = [frame.set_index("unique_id") for frame in labelled.files()]
    known = _known(labelled)
    index = recordlinkage.Index()
    for rule in _blocks(known):
        index.block(list(rule))
    candidates = index.index(*frames)
    features = Compare()
    for column in ("firstName", "lastName", "street", "city"):
        features.string(column, column, method="levenshtein", threshold=0.75, label=column)
    for column in ("dateOfBirth", "postalCode", "taxNumber", "email", "mobile"):
        if column in known:
            features.exact(column, column, label=column)
    vectors: pd.DataFrame = features.compute(candidates, *frames)
    return {pair(str(one), str(other)) for one, other in ECMClassifier().fit_predict(vectors.astype(int))}


def _known(labelled: LabelledSet) -> set[str]:
    """Return the columns in which at least one record has a value."""
    return {column for row in labelled.rows.values() for column, text in row.items() if text}


def _blocks(known: set[str]) -> Iterable[tuple[str, ...]]:
    return (rule for rule in _BLOCKS if known.issuperset(rule))
