"""Which pairs of people are one, by documented weights, and why."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from matching.checks import check_weights
from matching.keys import keys_of
from matching.people import Address, Person
from matching.reading import Reading, address_of, tax_number
from matching.scoring import Verdict, compared
from matching.weights import WEIGHTS, Level
from matching.words import names_of
from schemas.definition.faults import Faults
from schemas.definition.reading import read_definition
from schemas.fields import fields_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "duplicates.md"
SHIPPED = ROOT / "schemas" / "data" / "contact.json"
HOME = address_of({"street": "Bahnhofstrasse", "number": "12a", "postal_code": "8001", "city": "Zürich"})


def person(first: str = "", last: str = "", born: str = "", **others: object) -> Person:
    return replace(Person(names_of(first), names_of(last), born), **others)  # type: ignore[arg-type]


RETO = person(
    "Reto",
    "Nägeli",
    "1980-02-09",
    emails=frozenset(["reto@example.ch"]),
    phones=frozenset(["+41791234567"]),
    addresses=(HOME,),
)
NEW_HOME = (address_of({"street": "Seeweg", "number": "3", "postal_code": "3600", "city": "Thun"}),)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(person("Reto", "Nägeli"), id="the name alone"),
        pytest.param(replace(RETO, given=("urs",)), id="a twin"),
        pytest.param(replace(RETO, birth_date="1951-11-30"), id="the father of the same name"),
        pytest.param(replace(RETO, given=("anna",), birth_date="1981-07-01"), id="the spouse"),
        pytest.param(person("Reto", "Nägeli", "1955-12-24", addresses=NEW_HOME), id="a namesake"),
        pytest.param(Person(emails=RETO.emails), id="somebody with the email"),
        pytest.param(Person(), id="nobody"),
    ],
)
def test_who_shares_something_is_not_probably_the_same(other: Person) -> None:
    assert compared(RETO, other).verdict is not Verdict.PROBABLE


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(person("Reto", "Nägeli", "1980-02-09"), id="name and birth date"),
        pytest.param(person("Reto", "Naegeli", emails=RETO.emails), id="another spelling and the email"),
        pytest.param(person("Nägeli", "Reto", "1980-02-09"), id="first and last name swapped"),
        pytest.param(person("Reto", "Nageli", "1980-09-02", phones=RETO.phones), id="day and month swapped"),
        pytest.param(person("Reto", "Nägeli", "1980-02-08", addresses=(HOME,)), id="one digit off"),
        pytest.param(person("Reto Urs", "Nägeli-Huber", "1980-02-09"), id="a second first name and a double name"),
        pytest.param(replace(RETO, addresses=NEW_HOME, phones=frozenset(["+41765554433"])), id="moved house"),
        pytest.param(person("Reto", "Spyri", "1980-02-09", emails=RETO.emails), id="married"),
        pytest.param(person("Rteo", "Nägelli", "1980-02-09"), id="typing errors"),
    ],
)
def test_who_agrees_in_enough_is_probably_the_same_and_compared_at_all(other: Person) -> None:
    assert compared(RETO, other).verdict is Verdict.PROBABLE
    assert not keys_of(RETO).isdisjoint(keys_of(other))


def test_a_pet_name_is_no_other_name() -> None:
    jakob, urs = (person(first, "Huber", "1950-05-05") for first in ("Jakob", "Urs"))
    assert compared(person("Köbi", "Huber", "1950-05-05"), urs).verdict is not Verdict.PROBABLE
    assert compared(person("Köbi", "Huber", "1950-05-05"), jakob).verdict is Verdict.PROBABLE


def test_a_tax_number_outweighs_another_birth_date_but_not_a_placeholder() -> None:
    assert tax_number("000.0000.0000.00") is tax_number("1234") is None
    number = frozenset([tax_number("756.1234.5678.97") or ""])
    one, other = person("Ada", "Frei", "1970-01-31"), person("Ada", "Frei", "1984-12-12")
    assert compared(one, other).verdict is Verdict.UNLIKELY
    assert compared(replace(one, tax_numbers=number), replace(other, tax_numbers=number)).verdict is Verdict.PROBABLE


def test_reasons_say_what_agrees_in_the_language_of_the_reader() -> None:
    match = compared(RETO, person("Reto", "Nagelli", "1980-02-09", emails=RETO.emails))
    with override("en"):
        assert match.reasons == ["Date of birth", "Email", "Similar last name", "First name"]
    with override("de"):
        assert match.reasons == ["Geburtsdatum", "E-Mail", "Ähnlicher Nachname", "Vorname"]
    assert compared(RETO, person("Urs", "Frei")).reasons == []


NAMES = st.sampled_from(["", "Reto", "Anna Maria", "Käthi", "Meier-Huber", "D'Angelo", "李", "x"])
PEOPLE = st.builds(
    person,
    NAMES,
    NAMES,
    st.sampled_from(["", "1980-02-09", "1980-09-02", "1971-12-31"]),
    emails=st.frozensets(st.sampled_from(["a@example.ch", "b@example.ch"])),
    phones=st.frozensets(st.sampled_from(["+41791234567", "+41791234568"])),
    addresses=st.sampled_from([(), (HOME,), (HOME, *NEW_HOME), (Address(),)]),
)


@runs(max_examples=60)
@given(one=PEOPLE, other=PEOPLE)
def test_the_order_makes_no_difference_and_nobody_is_unlike_themselves(one: Person, other: Person) -> None:
    assert compared(one, other) == compared(other, one)
    assert compared(one, other).score <= max(compared(one, one).score, compared(other, other).score)
    assert not {Level.DIFFERENT} & set(compared(one, one).levels.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"DUPLICATE_WEIGHTS": {"shoes.same": 1}},
        {"DUPLICATE_WEIGHTS": {"email.weak": 1}},
        {"DUPLICATE_WEIGHTS": {"email.same": "much"}},
        {"DUPLICATE_WEIGHTS": [1]},
        {"DUPLICATE_POSSIBLE": 0.99},
    ],
)
def test_settings_that_make_no_table_are_refused(settings: Any, wrong: Mapping[str, object]) -> None:
    for name, value in wrong.items():
        setattr(settings, name, value)
    assert [error.id for error in check_weights()] == ["kontor.E006"]


def test_an_institution_changes_weights_and_thresholds(settings: Any) -> None:
    other = person("Reto", "Frei", emails=RETO.emails)
    assert compared(RETO, other).verdict is Verdict.POSSIBLE
    settings.DUPLICATE_WEIGHTS = {"email.same": 1, "nationality.different": 0}
    assert not check_weights()
    assert compared(RETO, other).verdict is Verdict.UNLIKELY


def test_the_documented_table_is_the_one_in_use() -> None:
    rows = [line.split("|")[1:-1] for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| `")]
    table = {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in rows if len(row) == 7}
    assert table == {
        attribute.value: [f"{levels[level]:g}" if level in levels else "" for level in Level]
        for attribute, levels in WEIGHTS.items()
    }


def test_values_are_read_by_what_their_fields_mean() -> None:
    details = {
        "personalInformation": {
            "firstName": "Dr. Reto",
            "middleName": "Urs",
            "lastName": "von Nägeli",
            "dateOfBirth": "1980-02-09",
        }
        | {"nationalities": ["CH", "LI"]},
        "contactInformation": {"email": "Reto@Example.ch", "mobile": "079 123 45 67", "phone": "+41 44 668 18 00"}
        | {"addresses": [{"street": "Bahnhofstr. 12 A", "postalCode": "CH-8001", "city": "Zürich"}, {"country": "CH"}]},
        "taxInformation": {
            "taxResidencies": [{"country": "CH", "taxNumber": "756.1234.5678.97"}, {"taxNumber": "999999"}]
        },
    }
    shipped = json.loads(SHIPPED.read_text("utf-8"))
    reading = Reading.of(fields_of(read_definition(shipped, lists=None, faults=Faults())))
    assert (
        reading.person({}) == reading.person({"personalInformation": 7, "contactInformation": {"email": 3}}) == Person()
    )
    assert reading.person(details) == Person(
        given=("reto", "urs"),
        family=("nageli",),
        birth_date="1980-02-09",
        emails=frozenset(["reto@example.ch"]),
        phones=frozenset(["+41791234567", "+41446681800"]),
        tax_numbers=frozenset(["7561234567897"]),
        nationalities=frozenset(["CH", "LI"]),
        addresses=(Address(("bahnhofstr",), "12a", "ch8001", ("zurich",)),),
    )
