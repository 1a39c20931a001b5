"""Filters in PostgreSQL find the same rows as a plain implementation in Python, for arbitrary documents."""

import json
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actor import Actor, ActorKind, system_actor
from accounts.scopes import ALL_SCOPES
from contacts.models import Contact
from importexport.graphql.execution import execute_query
from importexport.graphql.filters import filtered_rows
from importexport.graphql.kinds import (
    BOOLEAN,
    DATE,
    DECIMAL,
    DENIALS,
    ITEM,
    MOMENT,
    PHONE,
    TEXT,
    TEXT_SEARCH,
    WHOLE,
    Kind,
)
from schemas.models import ListItem
from schemas.queries import current_schema
from schemas.services import publish_schema
from tests.examples import examples
from tests.fixtures import without_triggers
from tests.schemas.conftest import field, section

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

SYSTEM = system_actor("tests")
ACTOR = Actor(kind=ActorKind.APP, name="tests", scopes=frozenset(ALL_SCOPES))
QUERY = "query ($where: ContactFilterInput) { contacts(where: $where, take: 200) { totalCount items { id } } }"

# ---- a schema with a field of every type, alone, in objects, in arrays, and in arrays of objects with arrays

KINDS: Mapping[str, tuple[str, Kind]] = {
    "text": ("text", TEXT),
    "phone": ("phone", PHONE),
    "integer": ("integer", WHOLE),
    "decimal": ("decimal", DECIMAL),
    "boolean": ("boolean", BOOLEAN),
    "date": ("date", DATE),
    "dateTime": ("dateTime", MOMENT),
    "list": ("list", ITEM),
}
Shape = dict[str, Any]
LEAVES: Shape = {name: kind for name, (_type, kind) in KINDS.items()}
ARRAYS: Shape = {f"{name}s": [kind] for name, (_type, kind) in KINDS.items()}
SHAPE: Shape = {
    "s": {
        **LEAVES,
        **ARRAYS,
        "object": {**LEAVES, "texts": [TEXT]},
        "objects": [{"text": TEXT, "integer": WHOLE, "texts": [TEXT], "objects": [{"text": TEXT, "date": DATE}]}],
    }
}
TYPES = {kind: type_ for type_, kind in KINDS.values()}


def elements(shape: Shape) -> list[dict[str, Any]]:
    found = []
    for key, inner in shape.items():
        flags: dict[str, Any] = {"isSearchable": True}
        if isinstance(inner, list):
            flags["isArray"] = True
            (inner,) = inner
        if isinstance(inner, dict):
            found.append(field(key, "object", elements=elements(inner), **flags))
        else:
            more = {"listKey": "country"} if inner is ITEM else {}
            found.append(field(key, TYPES[inner], **flags, **more))
    return found


@pytest.fixture
def schema_with_everything(default_schemas: None) -> ListItem:
    publish_schema(
        actor=SYSTEM,
        key="contact",
        definition_text=json.dumps({"elements": [section("s", *elements(SHAPE["s"]))], "rules": []}),
        concurrency_token=current_schema("contact").concurrency_token,
    )
    return ListItem.objects.get(list__key="contact-type", key="client")


# ---- values: few and tricky, so that they meet

LETTERS = "aAbBäÄßéÉıiIſsσςΣжЖ🙂%_\\'\"{}[],.$*?: "
texts = st.text(st.sampled_from(LETTERS), max_size=3) | st.sampled_from(
    ["Zürich", "ZÜRICH", "100%", "a_b", "axb", "\\%"]
)
moments = st.builds(
    lambda days, microseconds, offset: (
        (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=days, microseconds=microseconds))
        .astimezone(timezone(timedelta(minutes=offset)))
        .isoformat()
    ),
    st.integers(0, 1),
    st.sampled_from([0, 1, 500_000]),
    st.sampled_from([0, 60, -330, 15 * 60 + 59]),
)
phones = st.sampled_from(
    [
        "044 668 18 00",
        "+41446681800",
        "tel:+41-44-668-18-00",
        "0041 (0)44 668 18 00 x12",
        "٠٤٤ ٦٦٨ ١٨ ٠٠",
        "117",
        "+1 212 555 0100",
    ]
)
VALUES: Mapping[Kind, st.SearchStrategy[Any]] = {
    TEXT: texts,
    PHONE: phones,
    ITEM: st.sampled_from(["CH", "DE", "ch"]),
    WHOLE: st.integers(-2, 2) | st.sampled_from([2**53 - 1, -(2**53) + 1]),
    DECIMAL: st.sampled_from([-1.5, 0.1, 0.2, 0.1 + 0.2, 1, 1.0, 1e-7, 1e15, 123456.789]) | st.integers(-2, 2),
    BOOLEAN: st.booleans(),
    DATE: st.sampled_from(["0001-01-01", "1979-12-31", "1980-01-01", "1980-01-02", "9999-12-31"]),
    MOMENT: moments | moments.map(lambda text: text.replace("+00:00", "Z")),
}


def documents(shape: Any) -> st.SearchStrategy[Any]:
    if isinstance(shape, dict):
        present = {key: st.just(None) | documents(inner) | documents(inner) for key, inner in shape.items()}
        return st.fixed_dictionaries(present).map(without_absent)
    if isinstance(shape, list):
        return st.lists(documents(shape[0]), max_size=3)
    return VALUES[shape]


def without_absent(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}


def operations(kind: Kind) -> st.SearchStrategy[Any]:
    def operand(name: str) -> st.SearchStrategy[Any]:
        if name in ("in", "nin"):
            return st.lists(VALUES[kind] | st.none(), max_size=3)
        return VALUES[kind] | st.none() if name in ("eq", "neq") else VALUES[kind]

    return some_of({name: operand(name) for name in kind.operations})


def filters(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    if isinstance(shape, list):
        item = filters(shape[0], depth + 1)
        return some_of({"some": item, "all": item, "none": item, "any": st.booleans()})
    if not isinstance(shape, dict):
        return operations(shape)
    fields = {key: filters(inner, depth + 1) for key, inner in shape.items()}
    said = some_of(fields)
    if depth > 3:
        return said
    return said | some_of(
        {**fields, "and": st.lists(said, min_size=1, max_size=2), "or": st.lists(said, min_size=1, max_size=3)}
    )


def some_of(choices: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with one or two of the names."""
    names = st.lists(st.sampled_from(sorted(choices)), min_size=1, max_size=2, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: choices[name] for name in chosen}))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Documents and filters of them, both of the same few fields, so that they have something to say to each other."""
    names = draw(st.lists(st.sampled_from(sorted(SHAPE["s"])), min_size=1, max_size=2, unique=True))
    shape = {"s": {name: SHAPE["s"][name] for name in names}}
    stored = draw(st.lists(documents(shape), min_size=3, max_size=8))
    return stored, draw(st.lists(filters(shape), min_size=1, max_size=3))


# ---- the plain reading


def folded(text: str) -> str:
    """In lower case, without accents."""
    letters = "".join(one for one in unicodedata.normalize("NFKD", text) if not "\u0300" <= one <= "\u036f").lower()
    return letters.replace("ß", "ss").replace("ς", "σ").replace("ı", "i")


def comparable(kind: Kind, value: Any) -> Any:
    if kind in (WHOLE, DECIMAL):
        return Decimal(str(value))
    if kind is PHONE:
        return DIALLED.get(value, value)
    return datetime.fromisoformat(value) if kind is MOMENT else value


# All but the short number and that of another country are written in different ways for one.
DIALLED = dict.fromkeys(
    ["044 668 18 00", "tel:+41-44-668-18-00", "0041 (0)44 668 18 00 x12", "٠٤٤ ٦٦٨ ١٨ ٠٠"], "+41446681800"
)

ASSERTIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda stored, said: stored == said,
    "gt": lambda stored, said: stored > said,
    "gte": lambda stored, said: stored >= said,
    "lt": lambda stored, said: stored < said,
    "lte": lambda stored, said: stored <= said,
    "contains": lambda stored, said: folded(said) in folded(stored),
    "startsWith": lambda stored, said: folded(stored).startswith(folded(said)),
    "endsWith": lambda stored, said: folded(stored).endswith(folded(said)),
}


def holds(kind: Kind, name: str, stored: Any, said: Any) -> bool:
    if name in DENIALS:
        return not holds(kind, DENIALS[name], stored, said)
    if name == "in":
        return any(holds(kind, "eq", stored, each) for each in said)
    if stored is None or said is None:
        return name == "eq" and stored is None and said is None
    if name in TEXT_SEARCH:
        return ASSERTIONS[name](stored, said)
    return ASSERTIONS[name](comparable(kind, stored), comparable(kind, said))


def fits(kind: Kind, value: Any) -> bool:
    if kind in (WHOLE, DECIMAL):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and (kind is DECIMAL or Decimal(str(value)) % 1 == 0)
    if kind is BOOLEAN:
        return isinstance(value, bool)
    return isinstance(value, str) and (kind not in (DATE, MOMENT) or is_moment_of(kind, value))


def is_moment_of(kind: Kind, text: str) -> bool:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("1980-12-31") if kind is DATE else parsed.tzinfo is not None


def matches(where: dict[str, Any], shape: Any, stored: Any) -> bool:
    return all(meets(name, said, shape, stored) for name, said in where.items())


def meets(name: str, said: Any, shape: Any, stored: Any) -> bool:
    if isinstance(shape, list):
        items = stored if isinstance(stored, list) else []
        found = [matches(said, shape[0], item) for item in items] if name != "any" else []
        answers = {"some": any(found), "all": all(found), "none": not any(found), "any": bool(items) is said}
        return answers[name]
    if isinstance(shape, dict):
        if name in ("and", "or"):
            return (all if name == "and" else any)(matches(each, shape, stored) for each in said)
        return matches(said, shape[name], stored.get(name) if isinstance(stored, dict) else None)
    return holds(shape, name, stored if fits(shape, stored) else None, said)


# ---- as a literal in the query


def literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(said)}" for name, said in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def found_by_api(where: dict[str, Any]) -> tuple[set[int], int]:
    response = execute_query(query=QUERY, variables={"where": where}, operation_name=None, actor=ACTOR)
    assert "errors" not in response, response
    page = response["data"]["contacts"]
    return {item["id"] for item in page["items"]}, page["totalCount"]


def found_at_once(wheres: list[dict[str, Any]]) -> list[set[int]]:
    """What each of the filters finds, asked for in one request."""
    values = {f"where{number}": where for number, where in enumerate(wheres)}
    parameters = ", ".join(f"${name}: ContactFilterInput" for name in values)
    pages = " ".join(f"{name}: contacts(where: ${name}, take: 200) {{ items {{ id }} }}" for name in values)
    response = execute_query(
        query=f"query ({parameters}) {{ {pages} }}", variables=values, operation_name=None, actor=ACTOR
    )
    assert "errors" not in response, response
    return [{item["id"] for item in response["data"][name]["items"]} for name in values]


def found_by_export(where: dict[str, Any]) -> set[int]:
    query = f"{{ contacts(where: {literal(where)}) {{ items {{ }} }} }}"
    return set(filtered_rows(query=query, root="contacts", actor=ACTOR).values_list("pk", flat=True))


no_checks = settings(
    deadline=None,
    max_examples=examples(50),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@no_checks
@given(cases())
def test_a_filter_finds_what_a_plain_reading_of_it_finds(schema_with_everything, case):
    stored, wheres = case
    with transaction.atomic():
        rows = [Contact(type=schema_with_everything, details=document) for document in stored]
        Contact.objects.bulk_create(rows)
        for where in wheres:
            expected = {row.pk for row in rows if matches(where, SHAPE, row.details)}
            assert found_by_api(where) == (expected, len(expected)), where
            assert found_by_export(where) == expected, where
        transaction.set_rollback(True)


@pytest.mark.parametrize("kind", list(VALUES), ids=lambda kind: kind.name)
def test_every_operation_on_every_kind_of_value(schema_with_everything, kind):
    name = TYPES[kind]

    @settings(no_checks, max_examples=examples(15))
    @given(
        st.lists(st.none() | VALUES[kind], min_size=1, max_size=6),
        VALUES[kind],
        st.lists(VALUES[kind] | st.none(), max_size=3),
    )
    def check(values, operand, several):
        with transaction.atomic():
            stored = [{"s": {name: value}} if value is not None else {} for value in values]
            arrays = [{"s": {f"{name}s": [value for value in values if value is not None]}}, {"s": {f"{name}s": []}}]
            rows = [Contact(type=schema_with_everything, details=document) for document in stored + arrays]
            Contact.objects.bulk_create(rows)
            for operation in kind.operations:
                said = {operation: several if operation in ("in", "nin") else operand}
                wheres = [
                    {"s": {name: said}},
                    {"s": {f"{name}s": {"some": said}}},
                    {"s": {f"{name}s": {"all": said}}},
                    {"s": {f"{name}s": {"none": said}}},
                ]
                for where, found in zip(wheres, found_at_once(wheres), strict=True):
                    assert found == {row.pk for row in rows if matches(where, SHAPE, row.details)}, where
            transaction.set_rollback(True)

    check()


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-10, 10)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.sampled_from(
        ["now", "infinity", "2024-02-31T00:00:00Z", "2024-01-01T00:00:00+23:59", "1980-13-01", "NaN", "1e5"]
    )
)
keys = st.sampled_from(sorted([*LEAVES, *ARRAYS, "object", "objects"]))
in_arrays = st.lists(scalars | st.dictionaries(keys, scalars | st.lists(scalars, max_size=2), max_size=4), max_size=3)
anything = scalars | in_arrays | st.dictionaries(keys, scalars | in_arrays, max_size=6)


@no_checks
@given(
    stored=st.lists(st.one_of(anything, st.fixed_dictionaries({"s": anything})), min_size=1, max_size=5),
    where=filters(SHAPE),
)
def test_no_stored_value_of_another_type_breaks_a_filter(schema_with_everything, stored, where):
    with transaction.atomic():
        rows = [Contact(type=schema_with_everything, details=document) for document in stored if document is not None]
        Contact.objects.bulk_create(rows)
        found, count = found_by_api(where)
        assert len(found) == count
        assert found == {row.pk for row in rows if matches(where, SHAPE, row.details)}
        assert found_by_export(where) == found
        transaction.set_rollback(True)


OF_OTHER_TYPES = {
    "text": [17, True, ["a"], {"a": "b"}],
    "phone": [41446681800],
    "list": [7],
    "integer": ["7", 7.5, True, [7]],
    "decimal": ["7.5", "NaN", [7.5]],
    "boolean": ["true", 1, [True]],
    "date": [
        "zzz",
        "31.12.1980",
        "now",
        "infinity",
        "1980-02-30",
        "1900-02-29",
        "0000-01-01",
        19801231,
        ["1980-12-31"],
    ],
    "dateTime": [
        "zzz",
        "now",
        "infinity",
        "today",
        "1980-12-31",
        "1980-02-30T00:00:00Z",
        "1980-12-31T24:00:00Z",
        "1980-12-31T00:00:00+24:00",
        "1980-12-31T00:00:00",
        "0000-01-01T00:00:00Z",
        "0000-02-29T00:00:00Z",
        7,
    ],
}


@pytest.mark.parametrize("name", OF_OTHER_TYPES)
def test_a_value_of_another_type_counts_as_absent_for_every_operation(schema_with_everything, name):
    kind = KINDS[name][1]
    asked = {"text": "a", "phone": "+41446681800", "list": "CH", "integer": 7, "decimal": 7.5, "boolean": True}
    operand = asked.get(name, "1980-12-31" if name == "date" else "1980-12-31T00:00:00Z")
    with without_triggers():
        for value in OF_OTHER_TYPES[name]:
            Contact.objects.create(type=schema_with_everything, details={"s": {name: value, f"{name}s": [value]}})
        absent = Contact.objects.create(type=schema_with_everything, details={"s": {}})
    everything = set(Contact.objects.values_list("pk", flat=True))
    for operation in kind.operations:
        said = [operand, None] if operation in ("in", "nin") else operand
        (found, items) = found_at_once(
            [{"s": {name: {operation: said}}}, {"s": {f"{name}s": {"some": {"eq": operand}}}}]
        )
        assert found in (set(), everything), operation
        assert items == set()
    assert found_at_once([{"s": {name: {"eq": None}}}, {"s": {name: {"neq": None}}}]) == [everything, set()]
    assert absent.pk in everything


def test_moments_with_any_offset_are_moments(details_of):
    stored = {
        "east": {"dateTime": "2024-01-01T23:59:00+23:59"},
        "west": {"dateTime": "2023-12-31T00:01:00-23:59"},
        "zulu": {"dateTime": "2024-01-01t00:00:00.000000000z"},
        "later": {"dateTime": "2024-01-01T00:00:00-00:01"},
    }
    for moment in ("2024-01-01T00:00:00Z", "2024-01-01T16:00:00+16:00", "2023-12-31T08:00:00-16:00"):
        assert details_of({"dateTime": {"eq": moment}}, **stored) == ["east", "west", "zulu"]
        assert details_of({"dateTime": {"in": [moment]}}, **stored) == ["east", "west", "zulu"]
    assert details_of({"dateTime": {"eq": None}}, **stored) == []


# ---- the rules by example


@pytest.fixture
def details_of(schema_with_everything: ListItem) -> Callable[..., list[str]]:
    """The names of the documents that a filter finds, of documents given by name."""

    def find(where: dict[str, Any], **stored: dict[str, Any]) -> list[str]:
        names = {}
        with without_triggers():
            for name, document in stored.items():
                names[Contact.objects.create(type=schema_with_everything, details={"s": document}).pk] = name
        found, _count = found_by_api({"s": where})
        return sorted(names[pk] for pk in found if pk in names)

    return find


def test_text_is_searched_whatever_its_case_and_compared_as_it_stands(details_of):
    stored = {"upper": {"text": "ZÜRICH"}, "lower": {"text": "zürich"}, "other": {"text": "Bern"}}
    assert details_of({"text": {"contains": "Üri"}}, **stored) == ["lower", "upper"]
    assert details_of({"text": {"startsWith": "zuri"}}, **stored) == ["lower", "upper"]
    assert details_of({"text": {"eq": "zürich"}}, **stored) == ["lower"]
    assert details_of({"text": {"in": ["ZÜRICH", "Bern"]}}, **stored) == ["other", "upper"]


@pytest.mark.parametrize(
    ("stored", "searched"),
    [
        ("Hauptstraße", "STRASSE"),
        ("Bahnhofstrasse", "straße"),
        ("İnönü", "inönü"),
        ("inönü", "İNÖNÜ"),
        ("Müller", "Muller"),
        ("MULLER", "müller"),
        ("Łukasz", "lukasz"),
        ("Ære", "aere"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ],
)
def test_searching_folds_case_and_accents(details_of, stored, searched):
    assert details_of({"text": {"contains": searched}}, found={"text": stored}, other={"text": "Bern"}) == ["found"]
    assert details_of({"text": {"eq": searched}}, found={"text": stored}) == []


def test_phone_numbers_are_found_by_what_they_dial_however_they_are_written(details_of):
    stored = {
        "national": {"phone": "044 668 18 00"},
        "international": {"phone": "+41 (0)44 668-18-00"},
        "extension": {"phone": "tel:+41446681800;ext=12"},
        "other": {"phone": "044 668 18 01"},
        "abroad": {"phone": "+49 44 668 18 00"},
    }
    assert details_of({"phone": {"eq": "0041446681800"}}, **stored) == ["extension", "international", "national"]
    assert details_of({"phone": {"in": ["0446681801", "nobody"]}}, **stored) == ["other"]
    assert details_of({"phone": {"neq": "+41446681800"}}, **stored) == ["abroad", "other"]
    assert details_of({"phone": {"contains": "668-18"}}, **stored) == ["international"]


def test_wildcards_of_sql_are_plain_characters(details_of):
    stored = {
        "percent": {"text": "100%"},
        "plain": {"text": "1000"},
        "underscore": {"text": "a_b"},
        "letter": {"text": "axb"},
    }
    assert details_of({"text": {"contains": "0%"}}, **stored) == ["percent"]
    assert details_of({"text": {"startsWith": "A_"}}, **stored) == ["underscore"]
    assert details_of({"text": {"contains": "\\"}}, **stored, backslash={"text": "a\\b"}) == ["backslash"]


def test_what_is_denied_is_true_of_what_is_absent(details_of):
    stored = {"there": {"text": "a", "integer": 1}, "absent": {}, "other": {"text": "b", "integer": 5}}
    assert details_of({"text": {"neq": "a"}}, **stored) == ["absent", "other"]
    assert details_of({"text": {"ncontains": "A"}}, **stored) == ["absent", "other"]
    assert details_of({"integer": {"ngt": 3}}, **stored) == ["absent", "there"]
    assert details_of({"text": {"eq": None}}, **stored) == ["absent"]
    assert details_of({"text": {"neq": None}}, **stored) == ["other", "there"]
    assert details_of({"text": {"in": ["a", None]}}, **stored) == ["absent", "there"]
    assert details_of({"text": {"nin": ["a", None]}}, **stored) == ["other"]
    assert details_of({"text": {"in": []}}, **stored) == []
    assert details_of({"text": {"nin": []}}, **stored) == ["absent", "other", "there"]


def test_numbers_are_compared_as_numbers_and_moments_as_moments(details_of):
    stored = {"nine": {"integer": 9, "decimal": 0.1}, "ten": {"integer": 10, "decimal": 0.30000000000000004}}
    assert details_of({"integer": {"gt": 9}}, **stored) == ["ten"]
    assert details_of({"decimal": {"eq": 0.1 + 0.2}}, **stored) == ["ten"]
    zurich, london = {"dateTime": "2024-01-01T01:00:00+01:00"}, {"dateTime": "2024-01-01T00:00:00Z"}
    assert details_of({"dateTime": {"eq": "2023-12-31T19:00:00-05:00"}}, zurich=zurich, london=london) == [
        "london",
        "zurich",
    ]


def test_some_and_all_and_none_speak_of_one_item_at_a_time(details_of):
    stored = {
        "apart": {"objects": [{"text": "a", "integer": 1}, {"text": "b", "integer": 2}]},
        "together": {"objects": [{"text": "a", "integer": 2}]},
        "empty": {"objects": []},
        "absent": {},
    }
    assert details_of({"objects": {"some": {"text": {"eq": "a"}, "integer": {"eq": 2}}}}, **stored) == ["together"]
    both = {"and": [{"objects": {"some": {"text": {"eq": "a"}}}}, {"objects": {"some": {"integer": {"eq": 2}}}}]}
    assert details_of(both, **stored) == ["apart", "together"]
    assert details_of({"objects": {"all": {"text": {"eq": "a"}}}}, **stored) == ["absent", "empty", "together"]
    assert details_of({"objects": {"none": {"text": {"eq": "b"}}}}, **stored) == ["absent", "empty", "together"]
    assert details_of({"objects": {"any": True}}, **stored) == ["apart", "together"]
    assert details_of({"objects": {"any": False}}, **stored) == ["absent", "empty"]


def test_arrays_stand_in_arrays(details_of):
    stored = {
        "deep": {"objects": [{"objects": [{"text": "x", "date": "1980-01-01"}]}, {"texts": ["u", "v"]}]},
        "shallow": {"objects": [{"text": "x"}]},
    }
    assert details_of(
        {"objects": {"some": {"objects": {"some": {"text": {"eq": "x"}, "date": {"lt": "1990-01-01"}}}}}}, **stored
    ) == ["deep"]
    assert details_of({"objects": {"some": {"texts": {"some": {"startsWith": "V"}}}}}, **stored) == ["deep"]
    assert details_of({"objects": {"all": {"objects": {"any": False}}}}, **stored) == ["shallow"]
