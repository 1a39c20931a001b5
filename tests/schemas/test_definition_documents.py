"""Definitions as documents: one document for each definition, and changes that lead from one to the other."""

import json
from itertools import permutations
from typing import Any

import pytest

from core.documents import is_same, value_at, with_values
from core.errors import UnprocessableEntity
from schemas.definition.documents import definition_changes, definition_of, document_of, place_of
from tests.schemas.conftest import field, section, shipped_text

LAST_NAME = "contact.elements.personalInformation.elements.lastName"
GROUPED = section("names", field("first"), field("last"), kind="group")
DEFINITIONS: dict[str, dict[str, Any]] = {
    "contact": json.loads(shipped_text("contact")),
    "company": json.loads(shipped_text("legal-entity")),
    "plain": {"elements": [section("person", field("first"), field("last"), field("note"))]},
    "grouped": {"elements": [section("person", GROUPED, field("note"))], "rules": []},
    "turned": {"elements": [section("person", field("note"), GROUPED)], "rules": [{"required": ["person"]}]},
    "flags": {"elements": [section("person", field("first", isMandatory=False), field("last", isMandatory=True))]},
    "odd keys": {"elements": [section("elements", field("order"), field("elements"), field("label"))]},
    "array": {"elements": [field("person", "object", isArray=True, elements=[field("note"), GROUPED])]},
    "a field": {"elements": [field("person", description={"en": "A", "de": "B"})]},
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_is_read_back_from_its_document(name: str) -> None:
    definition = DEFINITIONS[name]
    assert definition_of("x", document_of("x", definition)) == definition


@pytest.mark.parametrize(("one", "other"), list(permutations(DEFINITIONS, 2)))
def test_the_changes_lead_from_one_definition_to_the_other(one: str, other: str) -> None:
    before, after = (document_of("x", DEFINITIONS[name]) for name in (one, other))
    changes = definition_changes("x", before, after)
    assert changes
    assert all(is_same(value_at(before, change.path), change.original) for change in changes)
    changed = with_values(before, {change.path: change.target for change in changes})
    assert definition_of("x", changed) == DEFINITIONS[other]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_without_a_difference_there_are_no_changes(name: str) -> None:
    document = document_of("x", DEFINITIONS[name])
    assert definition_changes("x", document, json.loads(json.dumps(document))) == []


def test_each_property_is_a_change_and_each_language_and_each_whole_element() -> None:
    before = document_of("x", DEFINITIONS["plain"])
    definition = json.loads(json.dumps(DEFINITIONS["plain"]))
    first, last, note = definition["elements"][0]["elements"]
    first |= {"isMandatory": True, "maxLength": 7}
    last["label"]["de"] = "Name"
    definition["elements"][0]["elements"] = [first, last, field("born", "date")]
    changes = {change.path: change.target for change in definition_changes("x", before, document_of("x", definition))}
    person = "x.elements.person"
    assert changes == {
        f"{person}.order": ["first", "last", "born"],
        f"{person}.elements.first.isMandatory": True,
        f"{person}.elements.first.maxLength": 7,
        f"{person}.elements.last.label.de": "Name",
        f"{person}.elements.born": {"type": "date", "label": {"en": "Born"}},
        f"{person}.elements.note": None,
    }
    assert note["key"] == "note"


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"x.elements.person.elements.born": {"type": "date"}}, "x.elements.person.elements.born"),
        ({"x.elements.person.elements.note": None}, "x.elements.person.order"),
        ({"x.elements.person.order": ["first", "first", "last", "note"]}, "x.elements.person.order"),
        ({"x.order": None}, "x.elements.person"),
    ],
)
def test_a_part_of_the_changes_that_is_no_definition_is_refused_by_place(values: dict[str, Any], place: str) -> None:
    with pytest.raises(UnprocessableEntity) as refused:
        definition_of("x", with_values(document_of("x", DEFINITIONS["plain"]), values))
    assert refused.value.sub_code == "SchemaInvalid"
    assert set(refused.value.properties or {}) == {place}


def test_groups_that_hold_each_other_have_no_place() -> None:
    both = {
        "one": {"type": "group", "label": {"en": "One"}, "order": ["two"]},
        "two": {"type": "group", "label": {"en": "Two"}, "order": ["one"]},
    }
    with pytest.raises(UnprocessableEntity):
        definition_of("x", {"x": {"order": [], "elements": both}})
    with pytest.raises(UnprocessableEntity):
        definition_of("x", {"x": {"order": ["one"], "elements": both}})


@pytest.mark.parametrize(
    ("path", "elements", "name", "language", "holder"),
    [
        ("contact.rules", 0, "rules", "", "contact"),
        ("contact.elements.notes", 1, "", "", "contact"),
        (LAST_NAME, 2, "", "", "contact.elements.personalInformation"),
        (f"{LAST_NAME}.isMandatory", 2, "isMandatory", "", LAST_NAME),
        (f"{LAST_NAME}.label.de", 2, "label", "de", LAST_NAME),
        ("x.elements.elements.order", 1, "order", "", "x.elements.elements"),
    ],
)
def test_a_path_says_what_it_is_about(path: str, elements: int, name: str, language: str, holder: str) -> None:
    place = place_of(path)
    assert (len(place.elements), place.name, place.language, place.holder) == (elements, name, language, holder)
