"""Kontor's own matching of a set: what it reads, its blocking keys, its weights."""

import json
from collections import defaultdict
from itertools import combinations
from pathlib import Path

from benchmarks.duplicates.sets import LabelledSet, Pair, details_of, pair
from matching.keys import keys_of
from matching.reading import Reading
from matching.scoring import Match, compared
from schemas.definition.faults import Faults
from schemas.definition.reading import read_definition
from schemas.fields import fields_of

SHIPPED = Path(__file__).resolve().parents[2] / "schemas" / "data" / "contact.json"


def matched(labelled: LabelledSet) -> dict[Pair, Match]:
    """Return all pairs that share a blocking key, compared."""
    reading = reading_of_shipped()
    people = {key: reading.person(details_of(row)) for key, row in labelled.rows.items()}
    blocks: dict[str, list[str]] = defaultdict(list)
    for key, person in people.items():
        for block in keys_of(person):
            blocks[block].append(key)
    candidates = {
        pair(one, other)
        for keys in blocks.values()
        for one, other in combinations(keys, 2)
        if labelled.are_compared(one, other)
    }
    return {(one, other): compared(people[one], people[other]) for one, other in candidates}


def reading_of_shipped() -> Reading:
    shipped = json.loads(SHIPPED.read_text("utf-8"))
    return Reading.of(fields_of(read_definition(shipped, lists=None, faults=Faults())))
