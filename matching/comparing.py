"""How two values agree: one function per attribute. None means that one of the two is not known."""

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from itertools import product
from typing import Final

from rapidfuzz.distance import OSA, JaroWinkler

from matching.nicknames import is_same_person_s
from matching.people import Address, Person
from matching.weights import SWAPPED, Attribute, Level, Table
from matching.words import sound_of

# Of Jaro and Winkler: one typing error in a name of six letters is above it.
SIMILAR_NAMES: Final = 0.88
SIMILAR_STREETS: Final = 0.85
_BEST_FIRST: Final = list(Level)

Found = Level | None
Levels = dict[Attribute, Level]


def names(one: Person, other: Person, table: Table) -> tuple[Levels, float]:
    """Return how given and family names agree, and what it costs if they are in each other's field."""
    straight = _names(one.given, one.family, other)
    if not (one.given and one.family and other.given and other.family):
        return straight, 0.0
    # Either may have them in the right fields.
    both = _names(one.family, one.given, other), _names(other.family, other.given, one)
    swapped = max(both, key=lambda levels: (_weight(levels, table), levels[Attribute.GIVEN].value))
    if _weight(swapped, table) + SWAPPED > _weight(straight, table):
        return swapped, SWAPPED
    return straight, 0.0


def birth_date(one: str, other: str) -> Found:
    """Compare days. Similar: day and month swapped, one digit wrong or two of them swapped. Weak: the same year."""
    if not one or not other:
        return None
    if one == other:
        return Level.SAME
    year, month, day = one.split("-")
    if other == f"{year}-{day}-{month}" or OSA.distance(one, other, score_cutoff=1) == 1:
        return Level.SIMILAR
    return Level.WEAK if other.startswith(year) and (other[5:7] == month or other[8:] == day) else Level.DIFFERENT


def emails(one: Collection[str], other: Collection[str]) -> Found:
    return _any_of(one, other, lambda a, b: OSA.distance(a, b, score_cutoff=2) <= (2 if len(a) > 14 else 1))


def phones(one: Collection[str], other: Collection[str]) -> Found:
    return _any_of(one, other, lambda a, b: OSA.distance(a, b, score_cutoff=1) == 1)


def tax_numbers(one: Collection[str], other: Collection[str]) -> Found:
    return _any_of(one, other, lambda a, b: OSA.distance(a, b, score_cutoff=1) == 1)


def nationalities(one: Collection[str], other: Collection[str]) -> Found:
    return _any_of(one, other, lambda _a, _b: False)


def addresses(one: Iterable[Address], other: Iterable[Address]) -> Found:
    """Compare all addresses of both; the best pair counts, so that a former address that is kept finds who moved."""
    levels = [level for a, b in product(one, other) if (level := _address(a, b)) is not None]
    return min(levels, key=_BEST_FIRST.index, default=None)


def _any_of(one: Collection[str], other: Collection[str], is_similar: Callable[[str, str], bool]) -> Found:
    if not one or not other:
        return None
    if not set(one).isdisjoint(other):
        return Level.SAME
    return Level.SIMILAR if any(is_similar(a, b) for a, b in product(one, other)) else Level.DIFFERENT


def _names(given: tuple[str, ...], family: tuple[str, ...], other: Person) -> Levels:
    found = {
        Attribute.GIVEN: _name(given, other.given, is_given=True),
        Attribute.FAMILY: _name(family, other.family, is_given=False),
    }
    return {attribute: level for attribute, level in found.items() if level is not None}


def _weight(levels: Levels, table: Table) -> float:
    return sum(table.of(attribute, level) for attribute, level in levels.items())


@lru_cache(maxsize=16_384)
def _name(one: tuple[str, ...], other: tuple[str, ...], *, is_given: bool) -> Found:
    """Compare the words of two names in any order. The best pair of words counts, as a part if others are left over."""
    if not one or not other:
        return None
    if sorted(one) == sorted(other) or "".join(one) == "".join(other):
        return Level.SAME
    best = min((_word(a, b, is_given) for a, b in product(one, other)), key=_BEST_FIRST.index)
    if best is not Level.SAME:
        joined = _word("".join(one), "".join(other), is_given)
        return min(best, joined, key=_BEST_FIRST.index)
    # Anna Maria and Anna share a name, and so do Meier-Huber and Huber. Anna Maria and Anna Lena do as well, less.
    is_within = set(one) <= set(other) or set(other) <= set(one)
    return Level.PART if is_within else Level.SOUND


def _word(one: str, other: str, is_given: bool) -> Level:
    if one == other:
        return Level.SAME
    if is_given and is_same_person_s(one, other):
        return Level.PART
    if min(len(one), len(other)) == 1:
        return Level.WEAK if is_given and one[0] == other[0] else Level.DIFFERENT
    if JaroWinkler.similarity(one, other, score_cutoff=SIMILAR_NAMES) or _is_one_error(one, other):
        return Level.SIMILAR
    if len(sound_of(one)) > 1 and sound_of(one) == sound_of(other):
        return Level.SOUND
    return Level.DIFFERENT


def _is_one_error(one: str, other: str) -> bool:
    return min(len(one), len(other)) >= 4 and OSA.distance(one, other, score_cutoff=1) == 1


def _address(one: Address, other: Address) -> Found:
    is_place = _is_same_place(one, other)
    is_known = bool(one.street and other.street)
    if is_place is None and not is_known:
        return None
    if is_known and (likeness := _similarity(one.street, other.street)) >= SIMILAR_STREETS:
        is_number = one.number == other.number
        if is_place and is_number:
            return Level.SAME if likeness == 1 else Level.SIMILAR
        if is_place or (is_number and (one.number or is_place is None)):
            return Level.PART
    return Level.WEAK if is_place else Level.DIFFERENT


def _is_same_place(one: Address, other: Address) -> bool | None:
    if one.postal_code and one.postal_code == other.postal_code:
        return True
    if one.city and other.city:
        return _similarity(one.city, other.city) >= SIMILAR_NAMES
    return False if one.postal_code and other.postal_code else None


def _similarity(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    return JaroWinkler.similarity(" ".join(one), " ".join(other))
