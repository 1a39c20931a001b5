"""jsonschema-rs decides and jsonschema explains: the two must never disagree."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.compiled import CompiledSchema
from schemas.engine import NOT_JSON_ERRORS, deciding_validator, explaining_validator
from schemas.explaining import not_json_faults
from schemas.formats import FORMATS
from tests.examples import examples
from tests.schemas.conftest import field, schema_of, section, shipped
from tests.schemas.documents import full_contact

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "",
            " ",
            "\u00a0",
            "\u2003",
            "\ufeff",
            "\x1c",
            "\x85",
            "CH",
            "CH\n",
            "CH-ZH",
            "1980-02-30",
            "1980-02-29",
            "0000-01-01",
            "2024-01-31T08:30:00Z",
            "2024-01-31t08:30:60z",
            "2024-01-31T08:30:00+24:00",
            "a@b.ch",
            "a@b",
            ".a@b.ch",
            '"a b"@c.ch',
            "a@b.ch\n",
            "+41791234567",
            "+٤١٧٩١٢٣٤٥٦٧",
            "HTTPS://example.com",
            "http://[::1]:80/",
            "http://[::1",
            "javascript:alert(1)",
            "http://user:secret@example.com/",
            "a\0b",
            "a\nb",
            "A-17\n",
            1.0,
            -0.0,
            2**53,
            10**400,
            1e308,
        ]
    )
)
json_values = st.recursive(
    scalars,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
)


def verdicts(schema: CompiledSchema, document: Any) -> tuple[bool, bool]:
    try:
        decided = deciding_validator(schema.json_schema).is_valid(document)
    except NOT_JSON_ERRORS:
        decided = False
    explained = not not_json_faults(document) and explaining_validator(schema.json_schema).is_valid(document)
    return decided, explained


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place of a document."""
    found = [path]
    if isinstance(value, dict):
        found += [place for key, child in value.items() for place in places(child, (*path, key))]
    if isinstance(value, list):
        found += [place for index, child in enumerate(value) for place in places(child, (*path, index))]
    return found


@st.composite
def near_valid_contacts(draw: st.DrawFn) -> Any:
    """The full contact with a few places removed, replaced or added to."""
    document = full_contact()
    for _change in range(draw(st.integers(1, 4))):
        *above, last = draw(st.sampled_from(places(document)[1:]))
        parent = document
        for step in above:
            parent = parent[step]
        match draw(st.sampled_from(["remove", "replace", "add"])):
            case "remove":
                del parent[last]
            case "replace":
                parent[last] = draw(json_values)
            case "add" if isinstance(parent, dict):
                parent[draw(st.text(max_size=5))] = draw(json_values)
            case "add":
                parent.append(copy.deepcopy(draw(st.sampled_from(parent)) if parent else draw(json_values)))
        if len(places(document)) == 1:
            break
    return document


KINDS = [
    "text",
    "multilineText",
    "integer",
    "decimal",
    "boolean",
    "date",
    "dateTime",
    "email",
    "mobile",
    "phone",
    "url",
]


@st.composite
def fields(draw: st.DrawFn, key: str, depth: int) -> dict[str, Any]:
    kind = draw(st.sampled_from([*KINDS, "list", *(["object"] if depth else [])]))
    properties: dict[str, Any] = {}
    if draw(st.booleans()):
        properties["isMandatory"] = True
    if draw(st.booleans()):
        properties["isArray"] = True
        properties["maxItems"] = draw(st.integers(0, 3))
    if kind == "list":
        properties["listKey"] = "country"
    if kind == "object":
        properties["elements"] = draw(elements(depth - 1))
    if kind in ("text", "multilineText", "url") and draw(st.booleans()):
        properties["maxLength"] = draw(st.integers(0, 12))
        properties["pattern"] = draw(
            st.sampled_from([r"^\w*$", r"\s", r"^\d+$", "^[^A-Z]*$", r"\bb", "^.$", "(?i)^ch"])
        )
    if kind in ("integer", "decimal") and draw(st.booleans()):
        properties["minimum"] = draw(st.integers(-5, 0))
        properties["maximum"] = draw(st.integers(0, 5))
    return field(key, kind, **properties)


@st.composite
def elements(draw: st.DrawFn, depth: int) -> list[dict[str, Any]]:
    return [draw(fields(f"f{number}", depth)) for number in range(draw(st.integers(1, 4)))]


@st.composite
def schemas_and_documents(draw: st.DrawFn) -> tuple[CompiledSchema, Any]:
    """A definition, and a document that has its keys but whatever values."""
    root = draw(elements(2))
    schema = schema_of(section("s", *draw(elements(1))), *root)
    document = {element["key"]: draw(value_of(element)) for element in root if draw(st.booleans())}
    if draw(st.booleans()):
        document["s"] = {"f0": draw(json_values)}
    return schema, document


def value_of(element: dict[str, Any]) -> st.SearchStrategy[Any]:
    if element["type"] == "object":
        children = {child["key"]: value_of(child) for child in element["elements"]}
        value: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional=children)
    else:
        value = scalars
    return st.lists(value, max_size=4) if element.get("isArray") else value


def test_the_full_contact_is_valid(contact_schema: CompiledSchema) -> None:
    assert contact_schema.validate(full_contact()) == {}
    assert verdicts(contact_schema, full_contact()) == (True, True)


@given(near_valid_contacts())
@settings(max_examples=examples(400), deadline=None)
def test_both_libraries_judge_contacts_alike(document: Any) -> None:
    decided, explained = verdicts(shipped("contact"), document)
    assert decided == explained
    faults = shipped("contact").validate(document)
    assert decided or faults
    assert "The document does not follow the schema." not in faults.get("", [])


@given(schemas_and_documents())
@settings(max_examples=examples(300), deadline=None)
def test_both_libraries_judge_documents_of_any_schema_alike(pair: tuple[CompiledSchema, Any]) -> None:
    schema, document = pair
    decided, explained = verdicts(schema, document)
    assert decided == explained
    faults = schema.validate(document)
    assert decided or faults
    assert "The document does not follow the schema." not in faults.get("", [])


@given(json_values)
@settings(max_examples=examples(300), deadline=None)
def test_any_json_is_judged_without_an_error(document: Any) -> None:
    decided, explained = verdicts(shipped("contact"), document)
    assert decided == explained
    assert shipped("contact").validate(document)


@given(st.text())
@settings(deadline=None)
def test_formats_take_any_text(text: str) -> None:
    for accepts in FORMATS.values():
        assert accepts(text) in (True, False)


def deep(levels: int, *, inside: str = "list") -> Any:
    value: Any = 1
    for _level in range(levels):
        value = [value] if inside == "list" else {"a": value}
    return value


# Made when they are needed: large as they are, each worker would make them while it collects the tests.
HOSTILE: dict[str, Callable[[], Any]] = {
    "deep lists": lambda: deep(100_000),
    "deep objects": lambda: deep(100_000, inside="object"),
    "deep in an array of unique items": lambda: {"personalInformation": {"nationalities": [deep(5_000), deep(5_000)]}},
    "half a character in a value": lambda: {"personalInformation": {"firstName": "\ud800", "lastName": "B"}},
    "half a character in a key": lambda: {"\udc00": 1},
    "a number as key": lambda: {1: 2},
    "a number that cannot be printed": lambda: {"regulatory": {"riskScore": 10**5_000}},
    "infinity": lambda: {"occupation": {"annualIncome": float("inf")}},
    "no number": lambda: {"occupation": {"annualIncome": float("nan")}},
    "bytes": lambda: b"{}",
    "a megabyte of text": lambda: {"personalInformation": {"firstName": "x" * 1_000_000}},
    "many items of mixed types": lambda: {"personalInformation": {"nationalities": [1, "a", None] * 100_000}},
    "many unknown keys": lambda: {f"key{number}": number for number in range(100_000)},
}


@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_documents_are_refused_in_few_and_short_words(
    contact_schema: CompiledSchema, made: Callable[[], Any]
) -> None:
    faults = contact_schema.validate(made())
    assert faults
    assert len(faults) <= 500
    assert len(json.dumps(faults)) < 200_000
    assert max(len(message) for messages in faults.values() for message in messages) < 200


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", ["2024-02-29", "0001-01-01"], ["2023-02-29", "2024-2-9", "20240229", "0000-01-01", "2024-02-29 ", ""]),
        (
            "date-time",
            ["2024-02-29T23:59:59Z", "2024-02-29t00:00:00.123456-05:30"],
            ["2024-02-29T23:59:59", "2024-02-29 23:59:59Z", "2024-02-29T24:00:00Z", "2024-02-29T23:59:60Z", "T"],
        ),
        (
            "email",
            ["a@example.com", "first.last+tag@sub.example.co.uk", "o'neill@example.ch"],
            ["a", "a@", "@b.ch", "a@b", "a..b@c.ch", ".a@c.ch", "a@-c.ch", "a@b.ch\n", "a b@c.ch", "a" * 65 + "@b.ch"],
        ),
        (
            "uri",
            ["http://example.com", "https://example.com:8443/a?b=c#d", "https://[2001:db8::1]/"],
            [
                "example.com",
                "ftp://example.com",
                "javascript:alert(1)",
                "https://",
                "https:///a",
                "https://a b.ch",
                "https://user@example.com",
                "https://exämple.com",
                "https://example.com:99999",
                "http://[::1",
            ],
        ),
    ],
)
def test_formats_accept_what_they_should_and_nothing_else(name: str, good: list[str], bad: list[str]) -> None:
    assert [value for value in good if not FORMATS[name](value)] == []
    assert [value for value in bad if FORMATS[name](value)] == []
