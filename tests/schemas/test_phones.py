"""Phone numbers and addresses are accepted as people write them."""

import pytest

from schemas.formats import is_email
from schemas.phones import digits_dialled, e164, is_mobile, is_phone, is_same_number
from tests.schemas.conftest import field, schema_of

ZURICH = "+41446681800"
IN_ZURICH = [
    "044 668 18 00",
    "044\u00a0668\u202f18\u200900",
    "044–668–18–00",
    "044/668.18.00",
    "044'668'18'00",
    "+41 (0)44 668 18 00",
    "0041 44 668 18 00",
    "tel:+41-44-668-18-00",
    "+４１ ４４ ６６８ １８ ００",
    "٠٤٤ ٦٦٨ ١٨ ٠٠",
    "044 668 18 00 ext. 12",
    "044 668 18 00 x12",
    "+41446681800;ext=12",
]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "call me",
        "call 044 668 18 00",
        "044 668 18 00 (office)",
        "044 668 18 00, wife 079 123 45 67",
        "0800 FLOWERS",
        "+999 1234567",
        "1",
        "0" * 30,
        "044 668\n18 00",
        "044 668 18 00\u202e",
    ],
)
def test_what_is_no_number_or_more_than_a_number_is_refused(value):
    assert not is_phone("CH", value)
    assert not is_mobile("CH", value)


@pytest.mark.parametrize("value", IN_ZURICH)
def test_a_number_is_read_however_it_is_written(value):
    assert is_phone("CH", value)
    assert e164(value, "CH") == ZURICH
    assert "0446681800" in digits_dialled(value, "CH")


@pytest.mark.parametrize("value", ["117", "1414", "0800 123 456", "6234"])
def test_short_numbers_are_phone_numbers(value):
    assert is_phone("CH", value)


@pytest.mark.parametrize("value", ["044 668 18 00 ext. 12", "117", "(555) 123-4567"])
def test_a_mobile_number_is_one_that_a_message_can_be_sent_to(value):
    assert not is_mobile("CH", value)
    assert is_mobile("CH", "+1 (555) 123-4567")


def test_numbers_without_a_calling_code_are_those_of_the_region(settings):
    assert e164("030 901820", "DE") == "+4930901820"
    here, there = schema_of(field("value", "mobile")), schema_of(field("value", "mobile", region="US"))
    assert here.validate({"value": "(555) 123-4567"})
    assert there.validate({"value": "(555) 123-4567"}) == {}
    assert (here.fields["value"].region, there.fields["value"].region) == ("CH", "US")
    settings.PHONE_REGION = "US"
    assert schema_of(field("value", "mobile")).validate({"value": "(555) 123-4567"}) == {}


def test_numbers_are_the_same_if_they_dial_the_same():
    assert is_same_number("079 123 45 67", "+41791234567", "CH")
    assert not is_same_number("079 123 45 67", "079 123 45 68", "CH")
    assert not is_same_number("044 668 18 00", "044 668 18 00 ext. 12", "CH")
    assert not is_same_number("nobody", "nobody", "CH")


@pytest.mark.parametrize("value", ["anna@zürich", "änna@zürich.example", "anna@zü rich.example", "anna@-zürich.ch"])
def test_addresses_that_no_mail_reaches_are_refused(value):
    assert not is_email(value)


@pytest.mark.parametrize("value", ["anna@zürich.example", "anna@straße.example", "anna@例え.example"])
def test_international_domains_are_accepted(value):
    assert is_email(value)
