"""Reading comparable values out of details, by what the schema's fields mean.

Emails and phones are known by their type. Other fields are known by their key, wherever they are in the schema:
docs/duplicates.md lists the keys.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from matching.keys import hashed
from matching.people import Address, Person
from matching.words import folded, names_of, words_of
from schemas.definition.elements import PHONE_TYPES, FieldType
from schemas.fields import Field
from schemas.phones import e164, region_or_default

GIVEN: Final = frozenset({"firstName", "givenName", "middleName", "secondName"})
FAMILY: Final = frozenset({"lastName", "familyName", "surname", "birthName", "maidenName"})
BIRTH_DATE: Final = frozenset({"dateOfBirth", "birthDate"})
NATIONALITY: Final = frozenset({"nationality", "nationalities", "citizenship", "citizenships"})
TAX_NUMBER: Final = frozenset({"taxNumber", "taxId", "tin", "socialSecurityNumber", "ahvNumber"})
STREET: Final = frozenset({"street", "addressLine1"})
NUMBER: Final = frozenset({"houseNumber", "streetNumber"})
POSTAL_CODE: Final = frozenset({"postalCode", "zipCode", "zip"})
CITY: Final = frozenset({"city", "town"})

# Of `matching.keys` and of the form of values. Another number has all keys made again.
RULES: Final = 2
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_NO_SIGN: Final = re.compile(r"[\W_]+")
# A number within the line of the street, where there is no field of its own: Bahnhofstrasse 12a.
_WITH_NUMBER: Final = re.compile(r"(?P<street>.*[^\d\s])\s+(?P<number>\d+\s*[a-z]?)")
# What is written in full, or not: Bahnhofstr., av. de la Gare.
_SHORT_STREETS: Final = (
    (re.compile(r"str(?:asse)?$"), "str"),
    (re.compile(r"^(?:av|ave|avenue)$"), "av"),
    (re.compile(r"^(?:ch|chem|chemin)$"), "ch"),
    (re.compile(r"^(?:bd|bld|blvd|boulevard)$"), "bd"),
    (re.compile(r"^(?:rte|route)$"), "rte"),
    (re.compile(r"^(?:pl|place|platz)$"), "pl"),
    (re.compile(r"^(?:st|street)$"), "str"),
)
# A number that nobody has: a placeholder, typed to get past a field.
_PLACEHOLDER: Final = re.compile(r"(.)\1*")


@dataclass(frozen=True, slots=True)
class Reading:
    """Where the comparable values of documents are, by paths of fields. Immutable; made once per schema."""

    given: tuple[str, ...]
    family: tuple[str, ...]
    birth_dates: tuple[str, ...]
    emails: tuple[str, ...]
    phones: Mapping[str, str]
    tax_numbers: tuple[str, ...]
    nationalities: tuple[str, ...]
    addresses: Mapping[str, Mapping[str, str]]
    """Path of the object -> meaning -> key."""
    paths: tuple[str, ...]
    """All of these in the order of the form; of what is within an array, the path of the array."""

    @classmethod
    def of(cls, fields: Mapping[str, Field]) -> "Reading":
        found: dict[str, Any] = {
            "given": _with_key(fields, GIVEN),
            "family": _with_key(fields, FAMILY),
            "birth_dates": tuple(path for path in _with_key(fields, BIRTH_DATE) if fields[path].type is FieldType.DATE),
            "emails": tuple(path for path, field in fields.items() if field.type is FieldType.EMAIL),
            "phones": {
                path: region_or_default(field.region) for path, field in fields.items() if field.type in PHONE_TYPES
            },
            "tax_numbers": _with_key(fields, TAX_NUMBER),
            "nationalities": _with_key(fields, NATIONALITY),
            "addresses": _addresses(fields),
        }
        read = {path for paths in found.values() for path in paths}
        return cls(**found, paths=tuple(dict.fromkeys(_outermost(path, fields) for path in fields if path in read)))

    @property
    def version(self) -> int:
        """A number of 63 bits that says where the values are and how they become keys."""
        return abs(hashed(f"{RULES} {replace(self, paths=())}"))

    def person(self, details: Mapping[str, Any]) -> Person:
        """Return what is compared of a contact with these details. Values of another type count as absent."""
        return Person(
            given=_names(details, self.given),
            family=_names(details, self.family),
            birth_date=next((day for day in _texts(details, self.birth_dates) if _DAY.fullmatch(day)), ""),
            emails=frozenset(text.strip().casefold() for text in _texts(details, self.emails)),
            phones=frozenset(
                number
                for path, region in self.phones.items()
                for text in _texts(details, (path,))
                if (number := e164(text, region))
            ),
            tax_numbers=frozenset(
                number for text in _texts(details, self.tax_numbers) if (number := tax_number(text)) is not None
            ),
            nationalities=frozenset(_texts(details, self.nationalities)),
            addresses=tuple(
                found
                for path, keys in self.addresses.items()
                for item in _values(details, path)
                if isinstance(item, dict)
                and (found := address_of({meaning: _text(item, key) for meaning, key in keys.items()})) != Address()
            ),
        )


def address_of(parts: Mapping[str, str]) -> Address:
    """Return an address of texts by meaning: street, number, postal_code, city."""
    street, number = folded(parts.get("street", "")).strip(), folded(parts.get("number", ""))
    if not number and (found := _WITH_NUMBER.fullmatch(street)):
        street, number = found["street"], found["number"]
    return Address(
        street=tuple(map(_street_word, words_of(street))),
        number=_NO_SIGN.sub("", number),
        postal_code=_NO_SIGN.sub("", folded(parts.get("postal_code", ""))),
        city=words_of(parts.get("city", "")),
    )


def tax_number(text: str) -> str | None:
    """Return a number without its dots and spaces; None for one too short to name somebody, and for a placeholder."""
    number = _NO_SIGN.sub("", text.casefold())
    return None if len(number) < 5 or _PLACEHOLDER.fullmatch(number) else number


def _with_key(fields: Mapping[str, Field], keys: frozenset[str]) -> tuple[str, ...]:
    return tuple(path for path, field in fields.items() if field.key in keys)


def _addresses(fields: Mapping[str, Field]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for meaning, keys in (("street", STREET), ("number", NUMBER), ("postal_code", POSTAL_CODE), ("city", CITY)):
        for path in _with_key(fields, keys):
            above, _, key = path.rpartition(".")
            found.setdefault(above, {}).setdefault(meaning, key)
    return found


def _outermost(path: str, fields: Mapping[str, Field]) -> str:
    """Return the path of the array that a path leads into, or the path itself."""
    steps = path.split(".")
    above = (".".join(steps[:length]) for length in range(1, len(steps) + 1))
    return next((place for place in above if place in fields and fields[place].is_array), path)


def _street_word(word: str) -> str:
    for pattern, short in _SHORT_STREETS:
        word = pattern.sub(short, word)
    return word


def _names(details: Mapping[str, Any], paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for text in _texts(details, paths) for name in names_of(text)))


def _texts(details: Mapping[str, Any], paths: tuple[str, ...]) -> Iterator[str]:
    for path in paths:
        for value in _values(details, path):
            if isinstance(value, str) and value:
                yield value


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _values(value: Any, path: str) -> Iterator[Any]:
    """Yield the values at a path, which goes through arrays; a root object has the empty path."""
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict):
        key, _, below = path.partition(".")
        if key in value:
            yield from _values(value[key], below)
