"""Valid definitions are accepted; everything else is rejected with its place."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UnprocessableEntity
from schemas.definition import parse_definition
from schemas.definition.patterns import pattern_fault
from tests.examples import examples
from tests.schemas.conftest import field, list_parents, section, shipped_text


def faults_of(definition: Any) -> dict[str, list[str]]:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    try:
        parse_definition(text, lists=list_parents())
    except UnprocessableEntity as error:
        return {place: [str(message) for message in messages] for place, messages in (error.properties or {}).items()}
    return {}


def of(*elements: Any, **others: Any) -> dict[str, Any]:
    return {"elements": list(elements), **others}


COUNTRY = field("country", "list", listKey="country")
VERIFIED = {"isVerificationRequired": True}


@pytest.mark.parametrize("key", ["contact", "legal-entity"])
def test_the_shipped_definitions_are_well_formed(key: str) -> None:
    assert faults_of(shipped_text(key)) == {}


def test_the_smallest_definition_is_one_field_at_the_root() -> None:
    assert faults_of(of(field("name"))) == {}


FAULTY_TEXTS = {
    "empty text": "",
    "not JSON": "{elements: []}",
    "truncated": '{"elements": [',
    "a key twice": '{"elements": [], "elements": []}',
    "NaN": '{"elements": NaN}',
    "a number that no double holds": '{"elements": 1e-400}',
    "Infinity": '{"elements": [-Infinity]}',
    "an infinite number": '{"elements": [1e999]}',
    "a number with thousands of digits": '{"elements": [' + "9" * 5_000 + "]}",
    "deep nesting": "[" * 100_000,
    "quite deep nesting": "[" * 100 + "]" * 100,
    "too long": '"' + "x" * 1_000_001 + '"',
    "a list": "[]",
    "null": "null",
    "a number": "1",
}


@pytest.mark.parametrize("text", FAULTY_TEXTS.values(), ids=FAULTY_TEXTS.keys())
def test_what_is_no_json_object_is_refused(text: str) -> None:
    assert faults_of(text)


FAULTY_DEFINITIONS: dict[str, tuple[Any, str]] = {
    "no elements": ({}, "elements"),
    "empty elements": (of(), "elements"),
    "elements no list": ({"elements": {}}, "elements"),
    "unknown property of the definition": (of(field("a"), version=1), "version"),
    "element no object": (of("a"), "elements[0]"),
    "unknown type": (of(field("a", "string")), "elements[0].type"),
    "type no text": (of(field("a", type=1)), "elements[0].type"),
    "unknown property": (of(field("a", isMandatry=True)), "elements[0].isMandatry"),
    "a flag on a section": (of({**section("s", field("a")), "isMandatory": True}), "elements[0].isMandatory"),
    "no key": (of({"type": "text", "label": {"en": "A"}}), "elements[0].key"),
    "key with a dot": (of(field("a.b")), "elements[0].key"),
    "key with a digit first": (of(field("1a")), "elements[0].key"),
    "key too long": (of(field("a" * 64)), "elements[0].key"),
    "key with a line break": (of(field("a\n")), "elements[0].key"),
    "same key twice": (of(field("a"), field("a")), "elements[1].key"),
    "same key in a group": (of(field("a"), section("g", field("a"), kind="group")), "elements[1].elements[0].key"),
    "same key as a group": (of(section("g", field("a"), kind="group"), field("g")), "elements[1].key"),
    "same name in GraphQL": (of(field("a-b"), field("a_b")), "elements[1].key"),
    "reserved at the root": (of(section("username", field("a"))), "elements[0].key"),
    "reserved in a group at the root": (of(section("g", field("uId"), kind="group")), "elements[0].elements[0].key"),
    "section in an object": (of(field("o", "object", elements=[section("s", field("a"))])), "elements[0].elements[0]"),
    "empty section": (of(section("s")), "elements[0].elements"),
    "object without elements": (of(field("o", "object")), "elements[0].elements"),
    "elements of a text": (of(field("a", elements=[field("b")])), "elements[0].elements"),
    "list without listKey": (of(field("a", "list")), "elements[0].listKey"),
    "unknown list": (of(field("a", "list", listKey="countries")), "elements[0].listKey"),
    "listKey on a text": (of(field("a", listKey="country")), "elements[0].listKey"),
    "listKey no text": (of(field("a", "list", listKey=1)), "elements[0].listKey"),
    "hierarchy to nowhere": (
        of(field("state", "list", listKey="state", hierarchyFieldKey="country")),
        "elements[0].hierarchyFieldKey",
    ),
    "hierarchy to itself": (
        of(field("state", "list", listKey="state", hierarchyFieldKey="state")),
        "elements[0].hierarchyFieldKey",
    ),
    "hierarchy to a text": (
        of(field("country"), field("state", "list", listKey="state", hierarchyFieldKey="country")),
        "elements[1].hierarchyFieldKey",
    ),
    "hierarchy to another object": (
        of(section("s", COUNTRY), field("state", "list", listKey="state", hierarchyFieldKey="country")),
        "elements[1].hierarchyFieldKey",
    ),
    "hierarchy to the wrong list": (
        of(
            field("currency", "list", listKey="currency"),
            field("state", "list", listKey="state", hierarchyFieldKey="currency"),
        ),
        "elements[1].hierarchyFieldKey",
    ),
    "hierarchy to an array": (
        of({**COUNTRY, "isArray": True}, field("state", "list", listKey="state", hierarchyFieldKey="country")),
        "elements[1].hierarchyFieldKey",
    ),
    "hierarchy of a list without parents": (
        of(COUNTRY, field("c", "list", listKey="currency", hierarchyFieldKey="country")),
        "elements[1].hierarchyFieldKey",
    ),
    "maxLength of an integer": (of(field("a", "integer", maxLength=3)), "elements[0].maxLength"),
    "minimum of a text": (of(field("a", minimum=3)), "elements[0].minimum"),
    "minimum of a date": (of(field("a", "date", minimum=3)), "elements[0].minimum"),
    "minItems without isArray": (of(field("a", minItems=1)), "elements[0].minItems"),
    "pattern of a boolean": (of(field("a", "boolean", pattern="x")), "elements[0].pattern"),
    "negative length": (of(field("a", minLength=-1)), "elements[0].minLength"),
    "length true": (of(field("a", maxLength=True)), "elements[0].maxLength"),
    "length too large": (of(field("a", maxLength=10**9)), "elements[0].maxLength"),
    "fractional bound of an integer": (of(field("a", "integer", minimum=0.5)), "elements[0].minimum"),
    "bound beyond exact integers": (of(field("a", "integer", maximum=2**53)), "elements[0].maximum"),
    "min greater than max": (of(field("a", "integer", minimum=2, maximum=1)), "elements[0].minimum"),
    "minLength greater than maxLength": (of(field("a", minLength=2, maxLength=1)), "elements[0].minLength"),
    "minItems greater than maxItems": (of(field("a", isArray=True, minItems=2, maxItems=1)), "elements[0].minItems"),
    "invalid pattern": (of(field("a", pattern="[")), "elements[0].pattern"),
    "catastrophic pattern": (of(field("a", pattern="^(a+)+$")), "elements[0].pattern"),
    "flag no boolean": (of(field("a", isMandatory="yes")), "elements[0].isMandatory"),
    "isArray no boolean": (of(field("a", isArray=1)), "elements[0].isArray"),
    "no label": (of({"key": "a", "type": "text"}), "elements[0].label"),
    "label no object": (of(field("a", label="A")), "elements[0].label"),
    "label without English": (of(field("a", label={"de": "A"})), "elements[0].label.en"),
    "label in an unknown language": (of(field("a", label={"en": "A", "xx": "A"})), "elements[0].label.xx"),
    "blank label": (of(field("a", label={"en": " "})), "elements[0].label.en"),
    "label too long": (of(field("a", label={"en": "x" * 201})), "elements[0].label.en"),
    "label with NUL": (of(field("a", label={"en": "A\0"})), "elements[0].label.en"),
    "label with half a character": (of(field("a", label={"en": "\ud800"})), "elements[0].label.en"),
    "description no object": (of(field("a", description=1)), "elements[0].description"),
    "verified text": (of(field("a", **VERIFIED)), "elements[0].isVerificationRequired"),
    "two verified emails": (
        of(field("a", "email", **VERIFIED), section("s", field("b", "email", **VERIFIED))),
        "elements[1].elements[0].isVerificationRequired",
    ),
    "verified array": (of(field("a", "mobile", isArray=True, **VERIFIED)), "elements[0].isVerificationRequired"),
    "verified in an array": (
        of(field("o", "object", isArray=True, elements=[field("a", "email", **VERIFIED)])),
        "elements[0].elements[0].isVerificationRequired",
    ),
    "approval inside an array": (
        of(field("o", "object", isArray=True, elements=[field("a", isApprovalRequired=True)])),
        "elements[0].elements[0].isApprovalRequired",
    ),
    "rules no list": (of(field("a"), rules={}), "rules"),
    "rule no object": (of(field("a"), rules=[True]), "rules[0]"),
    "rule no JSON Schema": (of(field("a"), rules=[{"if": 3}]), "rules[0].if"),
    "rule with a wrong keyword value": (
        of(field("a"), rules=[{"properties": {"a": {"minLength": "x"}}}]),
        "rules[0].properties.a.minLength",
    ),
    "rule with an unknown field": (of(field("a"), rules=[{"required": ["b"]}]), "rules[0].required[0]"),
    "rule with an unknown field far down": (
        of(section("s", field("a")), rules=[{"if": {"properties": {"s": {"properties": {"b": {}}}}}}]),
        "rules[0].if.properties.s.properties.b",
    ),
    "rule with a remote reference": (
        of(field("a"), rules=[{"$ref": "https://example.com/schema"}]),
        "rules[0].$ref",
    ),
    "rule with a nested reference": (of(field("a"), rules=[{"if": {"$dynamicRef": "#x"}}]), "rules[0].if.$dynamicRef"),
    "rule with an id": (of(field("a"), rules=[{"$id": "https://example.com"}]), "rules[0].$id"),
    "rule with a dialect": (
        of(field("a"), rules=[{"$schema": "http://json-schema.org/draft-07/schema#"}]),
        "rules[0].$schema",
    ),
    "rule with an unknown keyword": (of(field("a"), rules=[{"propertyes": {}}]), "rules[0].propertyes"),
    "rule with a catastrophic pattern": (
        of(field("a"), rules=[{"properties": {"a": {"pattern": "(a*)*b"}}}]),
        "rules[0].properties.a.pattern",
    ),
    "rule with an unknown format": (
        of(field("a"), rules=[{"properties": {"a": {"format": "ipv4"}}}]),
        "rules[0].properties.a.format",
    ),
}


@pytest.mark.parametrize(("definition", "place"), FAULTY_DEFINITIONS.values(), ids=FAULTY_DEFINITIONS.keys())
def test_a_faulty_definition_is_refused_with_the_place_of_the_fault(definition: Any, place: str) -> None:
    assert list(faults_of(definition)) == [place]


def test_programs_know_a_faulty_definition_by_its_sub_code() -> None:
    with pytest.raises(UnprocessableEntity) as refusal:
        parse_definition("{}", lists={})
    assert refusal.value.sub_code == "SchemaInvalid"


def test_every_fault_is_told_at_once() -> None:
    definition = of(
        section("s", field("a.b"), field("c", "list", listKey="nope"), field("d", maxLength="long")),
        field("e", "integer", pattern="x"),
    )
    assert set(faults_of(definition)) == {
        "elements[0].elements[0].key",
        "elements[0].elements[1].listKey",
        "elements[0].elements[2].maxLength",
        "elements[1].pattern",
    }


def test_elements_may_not_stand_deeper_than_the_limit() -> None:
    element = field("a")
    for _level in range(9):
        element = section("s", element)
    assert any("levels deep" in message for messages in faults_of(of(element)).values() for message in messages)


def test_there_are_not_more_elements_than_the_limit() -> None:
    assert "elements" in faults_of(of(*(field(f"a{number}") for number in range(1_001))))


def test_the_answer_stays_short_however_many_faults_there_are() -> None:
    assert len(faults_of(of(*([1] * 1_000)))) == 500


@pytest.mark.parametrize(
    "pattern", [r"^[A-Z]{2}\d{4}$", "^(?:[A-Z]{1,3}-)?[0-9]+$", r"[\[\]]+", "(ab|cd){2,5}", r"\(+\)", "^([A-Z][0-9])+$"]
)
def test_ordinary_patterns_are_fine(pattern: str) -> None:
    assert pattern_fault(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "((a*))*",
        "(?:a|b+){2,}",
        "(a{1,9}){1,50}",
        "(?=a)",
        r"(a)\1",
        "(?<!a)b",
        "[a&&b]",
        "[[:alpha:]]",
        "*a",
        "(",
        "x" * 501,
        "\\",
    ],
)
def test_patterns_that_engines_read_differently_or_slowly_are_refused(pattern: str) -> None:
    assert pattern_fault(pattern)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["text", "list", "object", "section", "country", "en", "a"]),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(["elements", "rules", "key", "type", "label", "en", "listKey", "isArray", "pattern", "if"])
            | st.text(),
            children,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(json_values)
@settings(max_examples=examples(300), deadline=None)
def test_any_json_is_either_well_formed_or_refused_in_words(value: Any) -> None:
    faults_of(value)


@given(st.text(max_size=600))
@settings(max_examples=examples(300), deadline=None)
def test_any_text_is_a_pattern_or_refused_in_words(pattern: str) -> None:
    pattern_fault(pattern)
