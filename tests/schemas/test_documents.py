"""Validation of documents by compiled schemas, and their fields."""

import copy
import timeit
from typing import Any

import pytest
from django.utils import translation

from schemas.compiled import CompiledSchema
from schemas.unknown_fields import Names, without_unknown_fields
from tests.schemas.conftest import compiled, field, schema_of, section
from tests.schemas.documents import full_contact


def faults(schema: CompiledSchema, **changes: Any) -> dict[str, list[str]]:
    """The faults of the full contact with some paths changed; None removes. Underscores stand for dots."""
    document = full_contact()
    for path, value in changes.items():
        *above, last = path.split("__")
        parent = document
        for key in above:
            parent = parent[key]
        if value is None:
            del parent[last]
        else:
            parent[last] = value
    return schema.validate(document)


MANDATORY = "This field is mandatory."


def test_a_missing_mandatory_field_is_told_at_its_path(contact_schema: CompiledSchema) -> None:
    assert faults(contact_schema, personalInformation__lastName=None) == {"personalInformation.lastName": [MANDATORY]}


def test_a_missing_section_is_told_as_the_mandatory_fields_that_it_lacks(contact_schema: CompiledSchema) -> None:
    assert contact_schema.validate({}) == {
        "personalInformation.firstName": [MANDATORY],
        "personalInformation.lastName": [MANDATORY],
    }


@pytest.mark.parametrize("blank", ["", "  ", "\u00a0", "\u3164", "\u2800", "\u034f", "\u115f"])
def test_a_mandatory_text_may_not_be_blank(contact_schema: CompiledSchema, blank: str) -> None:
    assert faults(contact_schema, personalInformation__lastName=blank) == {"personalInformation.lastName": [MANDATORY]}


def test_an_optional_object_may_be_absent_though_it_has_mandatory_fields(contact_schema: CompiledSchema) -> None:
    document = full_contact()
    document["regulatory"] = {"isPoliticallyExposed": False}
    assert contact_schema.validate(document) == {}
    document["regulatory"]["politicalExposure"] = {}
    assert contact_schema.validate(document) == {"regulatory.politicalExposure.function": [MANDATORY]}


def test_unknown_fields_are_told_each(contact_schema: CompiledSchema) -> None:
    message = ["The schema has no such field."]
    assert faults(contact_schema, personalInformation__shoeSize=43, hobbies=[]) == {
        "hobbies": message,
        "personalInformation.shoeSize": message,
    }


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("personalInformation__firstName", 1, "This must be text."),
        ("personalInformation__firstName", "x" * 101, "This must have at most 100 characters."),
        (
            "personalInformation__firstName",
            "a\nb",
            "This must be on one line, without control characters: character 2 is U+000A.",
        ),
        (
            "personalInformation__firstName",
            "Zür\u200bich",
            "This must be on one line, without control characters: character 4 is U+200B ZERO WIDTH SPACE.",
        ),
        ("relationship__notes", "a\0b", "This must not contain the NUL character."),
        ("personalInformation__dateOfBirth", "12.6.1967", "This must be a date, such as 1980-12-31."),
        ("personalInformation__nationalities", "CH", "This must be a list of values."),
        ("personalInformation__nationalities", ["CH", "CH"], "This must not contain the same item twice."),
        ("personalInformation__nationalities", ["CH"] * 11, "This must have at most 10 items."),
        ("personalInformation", [], "This must be an object with fields."),
        ("contactInformation__email", "nobody", "This must be an email address."),
        (
            "contactInformation__mobile",
            "079 123 45 67 ext. 2",
            "This must be a mobile number, such as +41 79 123 45 67, without an extension.",
        ),
        (
            "contactInformation__phone",
            "call me",
            "This must be a phone number in digits, and nothing else: such as +41 44 668 18 00 ext. 12.",
        ),
        (
            "contactInformation__website",
            "www.example.com",
            "This must be a web address, such as https://www.example.com.",
        ),
        (
            "contactInformation__website",
            "https://zürich.example/über uns?a=ä",
            "A web address is written in ASCII: https://xn--zrich-kva.example/%C3%BCber%20uns?a=%C3%A4.",
        ),
        ("contactInformation__isMarketingAllowed", "yes", "This must be true or false."),
        ("regulatory__riskScore", 11, "This must be 10 or less."),
        ("regulatory__riskScore", 0, "This must be 1 or more."),
        ("regulatory__riskScore", 1.5, "This must be a whole number."),
        ("occupation__annualIncome", "1", "This must be a number."),
        ("occupation__annualIncome", 1e300, "This must be 9007199254740991 or less."),
        ("relationship__formerClientNumber", "a-1", "This does not have the expected format."),
        ("occupation__industry", "witchcraft", "“witchcraft” is not an item of the list industry."),
    ],
)
def test_each_kind_of_fault_has_plain_words(
    contact_schema: CompiledSchema, path: str, value: Any, message: str
) -> None:
    assert message in faults(contact_schema, **{path: value})[path.replace("__", ".")]


def test_faults_in_arrays_carry_the_index(contact_schema: CompiledSchema) -> None:
    addresses = [
        *full_contact()["contactInformation"]["addresses"],
        {"type": "business", "city": "Bern", "country": "XX"},
    ]
    assert faults(contact_schema, contactInformation__addresses=addresses) == {
        "contactInformation.addresses[1].country": ["“XX” is not an item of the list country."]
    }
    assert list(faults(contact_schema, personalInformation__nationalities=["CH", "XX"])) == [
        "personalInformation.nationalities[1]"
    ]


def test_the_message_repeats_no_more_of_a_value_than_fits(contact_schema: CompiledSchema) -> None:
    [message] = faults(contact_schema, occupation__industry="x" * 90)["occupation.industry"]
    assert len(message) < 110


@pytest.mark.parametrize(
    ("country", "state", "message"),
    [
        ("CH", "CH-ZH", None),
        ("CH", "DE-BY", "“DE-BY” does not belong to the Country that is given."),
        (None, "CH-ZH", "“CH-ZH” needs Country to be given as well."),
        ("CH", "CH-XX", "“CH-XX” is not an item of the list state."),
        ("CH", None, None),
    ],
)
def test_a_state_belongs_to_the_country_beside_it(country: str | None, state: str | None, message: str | None) -> None:
    schema = schema_of(
        field("country", "list", listKey="country"),
        field("state", "list", listKey="state", hierarchyFieldKey="country"),
    )
    document = {key: value for key, value in (("country", country), ("state", state)) if value is not None}
    assert schema.validate(document) == ({"state": [message]} if message else {})


def test_each_of_several_states_belongs_to_the_country() -> None:
    schema = schema_of(
        field("country", "list", listKey="country"),
        field("states", "list", listKey="state", hierarchyFieldKey="country", isArray=True),
    )
    assert list(schema.validate({"country": "CH", "states": ["CH-ZH", "DE-BY", "CH-GE"]})) == ["states[1]"]


def test_a_rule_between_fields_holds(contact_schema: CompiledSchema) -> None:
    assert faults(contact_schema, regulatory__politicalExposure=None) == {"regulatory.politicalExposure": [MANDATORY]}


def test_a_rule_that_has_no_words_of_its_own_is_still_told() -> None:
    schema = schema_of(
        field("a", "integer"), field("b", "integer"), rules=[{"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}]
    )
    assert schema.validate({"a": 1}) == {}
    assert schema.validate({}) == {"": ["This does not follow a rule of the schema."]}


def test_a_mandatory_array_has_at_least_one_item() -> None:
    schema = schema_of(field("a", isArray=True, isMandatory=True))
    assert schema.validate({"a": []}) == {"a": [MANDATORY]}
    assert schema.validate({"a": ["x"]}) == {}


def test_messages_are_in_the_language_of_the_request_and_labels_fall_back_to_english() -> None:
    schema = schema_of({**field("a"), "label": {"en": "Name", "de": "Bezeichnung"}})
    assert schema.label_at("a", "de") == "Bezeichnung"
    assert schema.label_at("a", "it") == "Name"
    with translation.override("de"):
        assert schema.fields["a"].label() == "Bezeichnung"
    with translation.override("fr"):
        assert schema.fields["a"].label() == "Name"


def test_checking_a_full_contact_takes_microseconds(contact_schema: CompiledSchema) -> None:
    document = full_contact()
    assert min(timeit.repeat(lambda: contact_schema.validate(document), number=200, repeat=3)) / 200 < 0.0005


# ---- fields


def test_fields_have_paths_in_layout_order_and_groups_nest_no_data(contact_schema: CompiledSchema) -> None:
    paths = list(contact_schema.fields)
    assert paths[:2] == ["personalInformation.displayName", "personalInformation.salutation"]
    assert paths.index("contactInformation.addresses") < paths.index("contactInformation.addresses.country")
    assert contact_schema.fields["personalInformation.lastName"].layout_path == "personalInformation.names"


def test_children_of_an_object_inherit_its_flags() -> None:
    schema = schema_of(
        field(
            "o", "object", isApprovalRequired=True, isReadOnly=True, isMandatory=True, elements=[field("a"), field("b")]
        )
    )
    child = schema.fields["o.a"]
    assert child.is_approval_required
    assert child.is_read_only
    assert not child.is_mandatory


@pytest.mark.parametrize(
    ("path", "governed_by"),
    [
        ("personalInformation.lastName", "personalInformation.lastName"),
        ("contactInformation.addresses", "contactInformation.addresses"),
        ("contactInformation.addresses[0].country", "contactInformation.addresses.country"),
        ("contactInformation.addresses[0].nowhere", "contactInformation.addresses"),
        ("regulatory.politicalExposure.nowhere", "regulatory.politicalExposure"),
        ("personalInformation", None),
        ("personalInformation.nowhere", None),
        ("", None),
    ],
)
def test_a_path_is_governed_by_the_nearest_field(
    contact_schema: CompiledSchema, path: str, governed_by: str | None
) -> None:
    found = contact_schema.field_at(path)
    assert (found.path if found else None) == governed_by


def test_the_channels_are_the_verified_fields(contact_schema: CompiledSchema) -> None:
    assert contact_schema.channel_paths == {
        "Email": "contactInformation.email",
        "Mobile": "contactInformation.mobile",
    }
    assert set(contact_schema.verified_paths) == {"contactInformation.email", "contactInformation.mobile"}


def test_without_a_verified_field_the_channel_is_the_first_field_outside_arrays() -> None:
    schema = schema_of(
        field("all", "email", isArray=True),
        field("o", "object", isArray=True, elements=[field("email", "email")]),
        section("s", field("private", "email"), field("work", "email")),
    )
    assert schema.channel_paths == {"Email": "s.private", "Mobile": None}
    assert schema.verified_paths == {}


def test_objects_of_the_document_are_sections_and_single_object_fields(contact_schema: CompiledSchema) -> None:
    assert "regulatory" in contact_schema.object_paths
    assert "regulatory.politicalExposure" in contact_schema.object_paths
    assert "contactInformation.addresses" not in contact_schema.object_paths
    assert "personalInformation.names" not in contact_schema.object_paths


# ---- what a newer version no longer names


NEWER = [section("s", field("a"), field("o", "object", isArray=True, elements=[field("x")]))]


@pytest.mark.parametrize(
    ("stored", "submitted", "is_valid"),
    [
        ({"s": {"a": "1", "old": 1}}, {"s": {"a": "2", "old": 1}}, True),
        ({"s": {"a": "1", "old": 1}}, {"s": {"a": "2", "old": 2}}, False),
        ({"s": {"a": "1", "old": 1}}, {"s": {"a": "2", "old": True}}, False),
        ({"s": {"a": "1"}}, {"s": {"a": "2", "old": 1}}, False),
        ({"gone": {"b": [1]}}, {"gone": {"b": [1]}, "s": {"a": "1"}}, True),
        ({"gone": {"b": [1]}}, {"gone": {"b": [1, 2]}}, False),
        ({"s": {"o": [{"x": "1", "old": 1}]}}, {"s": {"a": "1", "o": [{"x": "1", "old": 1}]}}, True),
        ({"s": {"o": [{"x": "1", "old": 1}]}}, {"s": {"o": [{"x": "2", "old": 1}]}}, False),
        ({"s": {"a": 1}}, {"s": {"a": 1}}, False),
    ],
    ids=[
        "left alone",
        "changed",
        "changed to true",
        "new",
        "a whole object left alone",
        "a whole object changed",
        "in an array left alone",
        "in an array changed",
        "another fault left alone",
    ],
)
def test_stored_values_that_the_schema_no_longer_names_are_no_fault_when_left_alone(
    stored: Any, submitted: Any, is_valid: bool
) -> None:
    schema = compiled({"elements": NEWER})
    before = copy.deepcopy((stored, submitted))
    assert (schema.validate(submitted, stored=stored) == {}) is is_valid
    assert (stored, submitted) == before


def test_nothing_is_copied_when_nothing_goes(contact_schema: CompiledSchema) -> None:
    document = full_contact()
    names = Names.of(contact_schema.definition.elements)
    assert without_unknown_fields(names, document, full_contact()) is document
