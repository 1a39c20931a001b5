"""The fast parser of entries accepts and rejects the same input as the strict one."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.documents import canonical, changes_between
from core.errors import BadRequest
from core.json import parse_json
from importexport.imports.parsing import parse_entry

pytestmark = pytest.mark.slow

names = st.sampled_from(["a", "b", '"', ":", '":', "\\", "ü"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text() | names,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(names, below, max_size=4),
    max_leaves=12,
)
PIECES = [
    '{"a":1',
    '"a":2',
    '"b" : 3',
    '"b"\n:{"a":1}',
    "}",
    "{",
    ",",
    '"',
    '\\"',
    ":",
    '":"',
    "[",
    "]",
    "1e999",
    "NaN",
]
PIECES += ["\\u0000", "\\ud800", "12345678901234567890", " "]
# Beside what a double holds.
PIECES += ["1e-400", "1E-0400", "12345678901234.567", "0.1000000000000000055", "123456789012345", "1e22", "5e-324"]


def outcome(parse, content):
    try:
        return repr(parse(content))
    except BadRequest:
        return "refused"


@given(value=values, indent=st.sampled_from([None, 1]))
def test_documents_are_read_the_same(value, indent):
    content = json.dumps({"value": value}, indent=indent).encode()
    assert outcome(parse_entry, content) == outcome(parse_json, content)


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=12))
@example(pieces=['{"a":1', ",", '"a":2', "}"])
@example(pieces=['{"a":', '{"b" : 3', ",", '"b"\n:{"a":1}', "}", "}"])
def test_nonsense_is_refused_the_same(pieces):
    content = "".join(pieces).encode()
    assert outcome(parse_entry, content) == outcome(parse_json, content)


@pytest.mark.parametrize("number", [b"12345678901234.567", b"1e-400", b"9007199254740993", b"-0.1000000000000000055"])
def test_a_number_that_would_change_is_refused(number):
    with pytest.raises(BadRequest):
        parse_entry(b'{"a":' + number + b"}")


@pytest.mark.parametrize(
    "content", [b'{"a":1,"a":1}', b'{"a" :1, "a"\t:1}', b'{"x":[{"a":1,"a":2}]}', b'{"x":[1,{"a":1,"a":2}]}']
)
def test_a_name_twice_is_refused(content):
    with pytest.raises(BadRequest):
        parse_entry(content)


@given(document=st.dictionaries(st.text("ab", min_size=1), values, max_size=5))
def test_a_new_document_gains_what_an_emptied_one_loses(document):
    document = canonical(document, objects={"a", "b", "a.a"})
    gained = {change.path: change.target for change in changes_between({}, document)}
    lost = {change.path: change.original for change in changes_between(document, {})}
    assert repr(gained) == repr(lost)
