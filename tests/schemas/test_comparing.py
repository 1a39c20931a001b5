"""Comparison of definitions by element, readable descriptions, and their places in the text."""

import json

from schemas.definition import inspect_definition
from schemas.definition.comparing import Kind, difference
from schemas.definition.positions import Positions
from schemas.definition.writing import definition_text
from schemas.display import tree_of
from tests.schemas.conftest import field, list_parents, schema_of, section, shipped_text


def compared(before, after):
    return difference(schema_of(*before).definition, schema_of(*after).definition)


def told(before, after):
    return [(change.path, str(change.kind)) for change in compared(before, after).elements]


# ---- differences


def test_what_says_the_same_has_no_difference():
    assert not compared([section("a", field("x"))], [section("a", field("x", isMandatory=False))])


def test_elements_that_come_and_go_are_told_once_with_what_they_hold():
    before = [section("a", field("x")), section("gone", field("y"), field("z"))]
    after = [section("a", field("x"), field("new")), section("come", field("y"))]
    assert told(before, after) == [("a.new", "added"), ("come", "added"), ("gone", "removed")]


def test_flags_texts_and_limits_that_change_are_named():
    before = [section("a", field("x", isMandatory=True, maxLength=10))]
    after = [section("a", field("x", isApprovalRequired=True, maxLength=20, description={"de": "D", "en": "E"}))]
    (change,) = compared(before, after).elements
    assert change.kind is Kind.CHANGED
    assert {changed.name: (changed.before, changed.after) for changed in change.properties} == {
        "isMandatory": (True, None),
        "maxLength": (10, 20),
        "description.de": (None, "D"),
        "description.en": (None, "E"),
        "isApprovalRequired": (None, True),
    }


def test_a_field_that_moves_into_a_group_has_moved_and_keeps_its_path():
    before = [section("a", field("x"), field("y"))]
    after = [section("a", field("x"), section("box", field("y"), kind="group"))]
    changes = {change.path: change for change in compared(before, after).elements}
    assert changes["a.y"].kind is Kind.MOVED
    assert changes["a.box"].kind is Kind.ADDED


def test_of_fields_that_change_places_only_those_that_moved_are_told():
    before = [section("a", field("x"), field("y"), field("z"))]
    after = [section("a", field("z"), field("x"), field("y"))]
    assert told(before, after) == [("a.z", "moved")]


def test_rules_come_and_go():
    fields = [section("a", field("x"))]
    rule = {"required": ["a"]}
    before, after = schema_of(*fields, rules=[]), schema_of(*fields, rules=[rule])
    assert [(str(change.kind), change.rule) for change in difference(before.definition, after.definition).rules] == [
        ("added", rule)
    ]
    assert [str(change.kind) for change in difference(after.definition, before.definition).rules] == ["removed"]


# ---- the text


def test_the_text_for_people_is_the_same_definition_with_the_key_first():
    shipped = json.loads(shipped_text("contact"))
    shuffled = json.loads(json.dumps(shipped, sort_keys=True))
    text = definition_text(shuffled)
    assert json.loads(text) == shipped
    assert text == definition_text(shipped)
    assert text.index('"key": "personalInformation"') < text.index('"elements": [', 20)


def test_a_place_is_found_in_the_text_and_one_that_is_missing_where_it_should_be():
    text = '{\n "elements": [\n  {"key": "a",\n   "type": "list"},\n  {"key": "b"}\n ]\n}'
    positions = Positions(text)
    assert positions.of("elements[0].type") == (4, 4)
    assert positions.of("elements[0].listKey") == (3, 3)
    assert positions.of("elements[1].label.en") == (5, 3)
    assert positions.of("nowhere.at[7].all") == (1, 1)


def test_a_text_that_is_no_json_is_at_fault_where_that_shows():
    assert Positions('{\n "a": 1,\n "b" 2}').of("anything") == (3, 6)
    assert Positions('{"a": 1,\n "a": 2}').of("") == (2, 2)


def test_faults_come_in_the_order_of_the_text_with_their_lines():
    text = json.dumps({"elements": [section("a", field("x", "nothing"), {"key": "!", "type": "text"})]}, indent=1)
    _definition, _value, faults = inspect_definition(text, lists=list_parents())
    located = Positions(text).located(faults.as_properties())
    assert {fault.place for fault in located} == {
        "elements[0].elements[0].type",
        "elements[0].elements[1].label",
        "elements[0].elements[1].key",
    }
    assert [fault.line for fault in located] == sorted(fault.line for fault in located)
    first = located[0]
    assert text.split("\n")[first.line - 1].strip().startswith('"type": "nothing"')


def test_the_tree_of_a_definition_full_of_faults_shows_what_can_be_read():
    value = {"elements": [{"key": "a", "type": "section", "elements": [3, {"label": {"en": 7}}, field("x")]}, None]}
    (node,) = tree_of(value)
    assert [(child.key, child.label) for child in node.children] == [("", "?"), ("x", "X")]
    assert tree_of("no object") == ()
    assert tree_of({"elements": "none"}) == ()
