"""People of all locales of Faker are accepted, with the numbers and addresses that their countries write."""

import re
from collections.abc import Iterator
from typing import Any

import phonenumbers
import pytest
from faker import Faker
from faker.config import AVAILABLE_LOCALES

from schemas.compiled import CompiledSchema
from schemas.phones import REGIONS
from tests.schemas.conftest import field, schema_of

# One of the locales is deprecated, and says so.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:fr_QC locale")]

OF_EACH_LOCALE = 8
LOCALES = sorted(AVAILABLE_LOCALES)


def region_of(locale: str) -> str:
    code = locale.rpartition("_")[2]
    return code if code in REGIONS else "CH"


def people(locale: str) -> Iterator[dict[str, Any]]:
    fake = Faker(locale)
    fake.seed_instance(locale)
    for _number in range(OF_EACH_LOCALE):
        # Some locales have no numbers of their own.
        number = fake.phone_number() if hasattr(fake, "phone_number") else "+639171234567"
        yield {
            "firstName": fake.first_name(),
            "lastName": fake.last_name(),
            "email": fake.email(),
            "phone": number,
            "mobile": number,
            "website": fake.url(),
            "street": fake.street_address().replace("\n", " "),
            "city": fake.city(),
            "job": fake.job(),
            "born": fake.date_of_birth().isoformat(),
        }


def schema_in(region: str) -> CompiledSchema:
    return schema_of(
        field("firstName", isMandatory=True, maxLength=100),
        field("lastName", isMandatory=True, maxLength=100),
        field("email", "email"),
        field("phone", "phone", region=region),
        field("mobile", "mobile", region=region),
        field("website", "url"),
        field("street", maxLength=100),
        field("city", maxLength=100),
        field("job", maxLength=100),
        field("born", "date"),
    )


def has_unknown_calling_code(number: str, region: str) -> bool:
    try:
        phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException as error:
        return error.error_type == error.INVALID_COUNTRY_CODE
    return False


def has_extension(number: str) -> bool:
    return re.search(r"x ?[0-9]+$", number) is not None


def is_of_no_length_there(number: str, region: str) -> bool:
    return not phonenumbers.is_possible_number(phonenumbers.parse(number, region))


def is_reasonable(path: str, person: dict[str, Any], region: str) -> bool:
    """Return whether the person would accept why this was refused."""
    number = person["phone"]
    match path:
        case "phone":
            return has_unknown_calling_code(number, region)
        case "mobile":
            return (
                has_unknown_calling_code(number, region)
                or has_extension(number)
                or is_of_no_length_there(number, region)
            )
    return False


def test_there_are_888_people():
    assert len(LOCALES) * OF_EACH_LOCALE == 888


@pytest.mark.parametrize("locale", LOCALES)
def test_nobody_is_refused_but_for_a_reason_that_a_person_would_accept(locale):
    region = region_of(locale)
    schema = schema_in(region)
    refused = [
        (path, person[path], messages)
        for person in people(locale)
        for path, messages in schema.validate(person).items()
        if not is_reasonable(path, person, region)
    ]
    assert refused == []
