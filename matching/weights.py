"""What agreement and disagreement weigh: the one table, which docs/duplicates.md explains.

A weight is the binary logarithm of how many times more often two records of one person agree in this way than records
of two people do: 7 means 128 times as often. The weights of a pair add up; what one of the two does not know adds
nothing. They are judgements of how common names are in Switzerland and how often people move, marry and mistype. They
are not fitted to any data that the benchmark measures. An institution changes them by DUPLICATE_WEIGHTS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from django.conf import settings


class Attribute(Enum):
    GIVEN = "given"
    FAMILY = "family"
    BIRTH_DATE = "birthDate"
    EMAIL = "email"
    PHONE = "phone"
    TAX_NUMBER = "taxNumber"
    ADDRESS = "address"
    NATIONALITY = "nationality"


class Level(Enum):
    """How two values agree, best first. Not every attribute has each of them."""

    SAME = "same"
    # Another form of the given name, one of several names, another house of the street.
    PART = "part"
    # A typing error or two; day and month swapped.
    SIMILAR = "similar"
    SOUND = "sound"
    # The initial of a given name, the place of an address.
    WEAK = "weak"
    DIFFERENT = "different"


WEIGHTS: Final[Mapping[Attribute, Mapping[Level, float]]] = {
    Attribute.GIVEN: {
        Level.SAME: 7.0,
        Level.PART: 5.0,
        Level.SIMILAR: 5.0,
        Level.SOUND: 3.5,
        Level.WEAK: 1.5,
        Level.DIFFERENT: -5.0,
    },
    Attribute.FAMILY: {
        Level.SAME: 8.5,
        Level.PART: 5.5,
        Level.SIMILAR: 6.0,
        Level.SOUND: 4.5,
        Level.DIFFERENT: -4.0,
    },
    Attribute.BIRTH_DATE: {Level.SAME: 14.0, Level.SIMILAR: 7.5, Level.WEAK: 1.0, Level.DIFFERENT: -6.0},
    Attribute.EMAIL: {Level.SAME: 14.0, Level.SIMILAR: 8.0, Level.DIFFERENT: -1.0},
    Attribute.PHONE: {Level.SAME: 13.0, Level.SIMILAR: 4.0, Level.DIFFERENT: -0.5},
    Attribute.TAX_NUMBER: {Level.SAME: 20.0, Level.SIMILAR: 10.0, Level.DIFFERENT: -5.0},
    Attribute.ADDRESS: {
        Level.SAME: 11.0,
        Level.PART: 7.0,
        Level.SIMILAR: 8.0,
        Level.WEAK: 3.0,
        Level.DIFFERENT: -1.0,
    },
    Attribute.NATIONALITY: {Level.SAME: 0.5, Level.DIFFERENT: -2.0},
}

# Before anything is compared, one pair in 2 to the 14th is one person. These are pairs that share a blocking key.
PRIOR: Final = -14.0
# First and last name are in each other's field.
SWAPPED: Final = -1.5
# Email, phone and address together: a household shares all three.
HOUSEHOLD_AT_MOST: Final = 14.0
# Twins share all but the given name and the tax number, father and son all but the birth date. Such a pair is at most
# possible, unless the tax numbers agree.
DECISIVE: Final = (Attribute.GIVEN, Attribute.BIRTH_DATE)
HOUSEHOLD: Final = (Attribute.EMAIL, Attribute.PHONE, Attribute.ADDRESS)


@dataclass(frozen=True, slots=True)
class Table:
    """The weights, and the scores from which on a pair is probable and possible."""

    weights: Mapping[Attribute, Mapping[Level, float]]
    probable: float
    possible: float

    def of(self, attribute: Attribute, level: Level) -> float:
        return self.weights[attribute][level]


def configured() -> Table:
    """Return the table with what the settings change. Raises KeyError and ValueError for settings that are wrong."""
    changes = tuple(sorted(settings.DUPLICATE_WEIGHTS.items()))
    return _table(changes, settings.DUPLICATE_PROBABLE, settings.DUPLICATE_POSSIBLE)


@lru_cache(maxsize=8)
def _table(changes: tuple[tuple[str, float], ...], probable: float, possible: float) -> Table:
    weights = {attribute: dict(levels) for attribute, levels in WEIGHTS.items()}
    for name, weight in changes:
        attribute, _, level = name.partition(".")
        if Level(level) not in weights[Attribute(attribute)]:
            raise KeyError(name)
        weights[Attribute(attribute)][Level(level)] = float(weight)
    if not 0 < possible <= probable < 1:
        raise ValueError(f"{possible}, {probable}")
    return Table(weights, probable, possible)
