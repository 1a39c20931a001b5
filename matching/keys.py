"""Blocking keys: two contacts are compared only if they share one. docs/duplicates.md lists them."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import product
from typing import Final

from matching.nicknames import groups_of
from matching.people import Person
from matching.words import sound_of

# Of longer names, the first words.
_MOST_NAMES = 3
# By the first letter of a key, of what it is made, as a number of three bits: what is a person's own, names, the birth
# date, its year, its day and month, the place of an address with a name, the house.
OWN: Final = 0
_SORTS: Final = {"e": OWN, "p": OWN, "t": OWN, "n": 1, "g": 1, "b": 2, "y": 3, "d": 4, "a": 5, "s": 6}
SORT_BITS: Final = 7


def keys_of(person: Person) -> set[str]:
    """Return the keys of a person. Each begins with a letter that says of what it is made."""
    return set(_keys(person))


def hashed(text: str) -> int:
    """Return a signed number of 64 bits."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)


def stored_keys(person: Person) -> list[int]:
    """Return the keys of a person, sorted, as the database keeps them: numbers, shorter and naming nobody.

    The last three bits of a number say of what its key is made.
    """
    return sorted(hashed(key) & ~SORT_BITS | _SORTS[key[0]] for key in keys_of(person))


def _keys(person: Person) -> Iterator[str]:
    yield from (f"e{email}" for email in person.emails)
    yield from (f"p{phone}" for phone in person.phones)
    yield from (f"t{number}" for number in person.tax_numbers)
    given, family = person.given[:_MOST_NAMES], person.family[:_MOST_NAMES]
    sounds = {sound_of(name) for name in (*given, *family)}
    yield from _of_names(given, family)
    if person.birth_date:
        year, month, day = person.birth_date.split("-")
        first, second = sorted((month, day))
        yield from (f"b{year}{first}{second}{name[0]}" for name in (*given, *family))
        yield from (f"y{year}{sound}" for sound in sounds)
        yield from (f"d{month}{day}{sound}" for sound in sounds)
    for address in person.addresses:
        if address.postal_code:
            yield from (f"a{address.postal_code} {sound}" for sound in sounds)
            if address.street and address.number:
                yield f"s{address.postal_code} {sound_of(address.street[-1])} {address.number}"


def _of_names(given: tuple[str, ...], family: tuple[str, ...]) -> Iterator[str]:
    """Yield the sounds of pairs of a given and a family name, in any order, and of other forms of the given name."""
    for one, other in product(given, family):
        yield "n" + " ".join(sorted((sound_of(one), sound_of(other))))
        yield from (f"g{group} {sound_of(other)}" for group in groups_of(one))
