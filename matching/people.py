"""What is compared of a contact, in the form in which it is compared."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """An address. Words are folded; the number and the postal code have no spaces."""

    street: tuple[str, ...] = ()
    number: str = ""
    postal_code: str = ""
    city: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A contact's comparable values. Empty means unknown.

    Names are folded words without titles and particles, the birth date is `YYYY-MM-DD`, phones are E.164, emails and
    tax numbers in lower case, tax numbers of letters and digits only, nationalities keys of the list of countries.
    """

    given: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    birth_date: str = ""
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    tax_numbers: frozenset[str] = frozenset()
    nationalities: frozenset[str] = frozenset()
    addresses: tuple[Address, ...] = ()
