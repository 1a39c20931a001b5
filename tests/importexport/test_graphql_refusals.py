"""GraphQL requests that are rejected: malformed, ill-typed or too expensive."""

import pytest

from importexport.graphql import execution
from tests.importexport.test_graphql import ask, data, errors, ids, named

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_schemas"), pytest.mark.slow]

COUNT = "{ totalCount }"


def filtered(where: str) -> str:
    return f"{{ contacts(where: {where}) {COUNT} }}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"{ contacts { totalCount } }"',
        b"{}",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": 5}',
        b'{"query": "{ __typename }", "variables": "x"}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "operationName": 1}',
        b'{"query": "{ __typename }", "extensions": {}}',
        b'{"query": "{ __typename }", "query": "{ __typename }"}',
        b'[{"query": "{ __typename }"}]',
        b'{"query": "\xff"}',
        b'{"query": "{ __typename }", "variables": {"x": "\\u0000"}}',
    ],
)
def test_a_body_that_is_no_graphql_request_is_a_bad_request_as_everywhere(app, body):
    answer = app.post("/graphql", raw=body)
    assert (answer.status, answer.json["code"]) == (400, "BadRequest")


def test_other_methods_and_media_types_are_refused(app):
    assert app.get("/graphql").status == 405
    assert app.post("/graphql", raw=b"{ __typename }", content_type="application/graphql").status == 415


@pytest.mark.parametrize(
    ("query", "line", "column"),
    [
        ("{", 1, 2),
        ("{ contacts {\n  items { nope } } }", 2, 11),
        ("{ contacts }", 1, 3),
        ("{ persons { totalCount } }", 1, 3),
        ("{ contacts { totalCount { x } } }", 1, 25),
        ("mutation { contacts { totalCount } }", 1, 1),
        ("subscription { contacts { totalCount } }", 1, 1),
        ("query ($x: Nope) { contacts(take: $x) { totalCount } }", 1, 12),
        ('{ contacts(where: { name: { like: "x" } }) { totalCount } }', 1, 29),
        ('{ contacts(where: { name: { gt: "x" } }) { totalCount } }', 1, 29),
        ('{ contacts(where: { nope: { eq: "x" } }) { totalCount } }', 1, 21),
        ("{ contacts(where: { name: { eq: 5 } }) { totalCount } }", 1, 33),
        ('{ contacts(where: { name: "x" }) { totalCount } }', 1, 27),
        ('{ contacts(take: "5") { totalCount } }', 1, 18),
        ("{ contacts(page: 5) { totalCount } }", 1, 12),
        ("{ contacts { ...nope } }", 1, 17),
        ("{ contacts { ...a } } fragment a on ContactCollectionSegment { ...a }", 1, 64),
        ("{ contacts { totalCount @uppercase } }", 1, 25),
        ("type Query { x: Int }", 1, 1),
        ("query a { __typename } query a { __typename }", 1, 7),
    ],
)
def test_what_does_not_fit_is_told_with_line_and_column_and_nothing_is_run(app, query, line, column):
    answer = ask(app, query)
    assert "data" not in answer.json
    error = answer.json["errors"][0]
    assert error["locations"][0] == {"line": line, "column": column}
    assert error["extensions"] == {"code": "BadRequest", "correlationId": answer.headers["X-Correlation-ID"]}


@pytest.mark.parametrize(
    "where",
    [
        '{ id: { eq: "1" } }',
        "{ id: { eq: 1.5 } }",
        "{ id: { eq: 2147483648 } }",
        '{ uid: { eq: "x" } }',
        '{ createDate: { gt: "2020-01-01" } }',
        '{ createDate: { gt: "2020-01-01T00:00:00" } }',
        '{ createDate: { gt: "2020-01-01T00:00:00+24:00" } }',
        '{ personalInformation: { dateOfBirth: { gt: "2020-02-30" } } }',
        '{ personalInformation: { dateOfBirth: { gt: "yesterday" } } }',
        '{ personalInformation: { gender: { contains: "f" } } }',
        '{ personalInformation: { nationalities: { eq: "CH" } } }',
        '{ personalInformation: { nationalities: ["CH"] } }',
        "{ regulatory: { riskScore: { eq: 1.5 } } }",
        '{ regulatory: { riskScore: { eq: "1" } } }',
        "{ regulatory: { riskScore: { eq: true } } }",
        "{ regulatory: { riskScore: { eq: 9007199254740993 } } }",
        "{ occupation: { annualIncome: { gt: 1e400 } } }",
        "{ regulatory: { isPoliticallyExposed: { eq: 1 } } }",
        "{ regulatory: { isPoliticallyExposed: { in: [true] } } }",
        '{ contactInformation: { addresses: { city: { eq: "x" } } } }',
        # Said of nothing, or nothing said: nobody is to find everything by a slip.
        "{ name: null }",
        "{ name: {} }",
        "{ name: { contains: null } }",
        "{ id: { gt: null } }",
        "{ name: { in: null } }",
        "{ and: [] }",
        "{ or: [] }",
        "{ or: null }",
        "{ and: [{}] }",
        "{ or: [{ name: {} }] }",
        "{ personalInformation: {} }",
        "{ personalInformation: null }",
        "{ personalInformation: { nationalities: {} } }",
        "{ personalInformation: { nationalities: { any: null } } }",
        "{ personalInformation: { nationalities: { some: null } } }",
        "{ personalInformation: { nationalities: { some: {} } } }",
        '{ name: { eq: "\\u0000" } }',
        '{ name: { in: ["\\u0000"] } }',
    ],
)
def test_values_of_another_type_and_filters_that_say_nothing_are_refused(app, where):
    answer = ask(app, filtered(where))
    assert not (answer.json.get("data") or {}).get("contacts")
    assert answer.json["errors"][0]["extensions"]["code"] == "BadRequest"


def test_no_filter_at_all_is_everything(make_contact, app):
    named(make_contact, "a", "b")
    for arguments in ("", "where: null", "where: {}", "where: null, order: null, skip: null, take: null"):
        assert len(ids(app, arguments)) == 2, arguments
    assert data(app, "query ($where: ContactFilterInput) { contacts(where: $where) { totalCount } }") == {
        "contacts": {"totalCount": 2}
    }


def test_a_variable_inside_of_a_filter_must_be_given(make_contact, app):
    named(make_contact, "ada", "bob")
    query = """query ($name: String, $names: [String])
               { contacts(where: { name: { neq: "x", contains: $name, nin: $names } }) { totalCount } }"""
    assert data(app, query, {"name": "a", "names": []}) == {"contacts": {"totalCount": 1}}
    for variables in ({}, {"name": "a"}, {"names": []}, None):
        (error,) = errors(app, query, variables)
        assert error["extensions"]["code"] == "BadRequest"
    with_default = 'query ($name: String = "b") { contacts(where: { name: { contains: $name } }) { totalCount } }'
    assert data(app, with_default) == {"contacts": {"totalCount": 1}}


def test_variables_of_other_types_are_refused(app):
    query = "query ($where: ContactFilterInput!, $take: Int) { contacts(where: $where, take: $take) { totalCount } }"
    for variables in (
        {},
        {"where": None},
        {"where": "x"},
        {"where": {"nope": 1}},
        {"where": {"name": {"eq": 5}}},
        {"where": {"name": {"eq": "x"}}, "take": "5"},
        {"where": {"name": {"eq": "x"}}, "take": 5.5},
    ):
        answer = ask(app, query, variables)
        assert "data" not in answer.json
        assert answer.json["errors"][0]["extensions"]["code"] == "BadRequest", variables


def test_an_operation_is_chosen_by_its_name(make_contact, app):
    named(make_contact, "ada")
    query = "query a { contacts { totalCount } } query b { __typename }"
    assert data(app, query, operationName="a") == {"contacts": {"totalCount": 1}}
    for name in (None, "c"):
        (error,) = errors(app, query, operationName=name)
        assert error["extensions"]["code"] == "BadRequest"


INJECTIONS = [
    "' OR 1=1 --",
    "'; DROP TABLE contacts_contact; --",
    "%' OR '1'='1",
    '"; SELECT pg_sleep(10); --',
    "\\' OR 1=1 --",
    "${jndi:x}",
    "%s",
    "%(x)s",
    "{0}",
    "$1",
    "'::text[]) IS NULL OR TRUE OR (''",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_is_text_whatever_it_looks_like(make_contact, app, text):
    found, other = named(make_contact, text, "other")
    query = "query ($text: String) { contacts(where: { name: { %s: $text } }) { items { id } } }"
    expected = {
        **dict.fromkeys(("eq", "contains", "startsWith", "endsWith"), found.pk),
        **dict.fromkeys(("neq", "ncontains", "nstartsWith", "nendsWith"), other.pk),
    }
    for operation, pk in expected.items():
        items = data(app, query % operation, {"text": text})["contacts"]["items"]
        assert items == [{"id": pk}], operation


# ---- limits


def refused(app, query, variables=None):
    answer = ask(app, query, variables)
    assert not (answer.json.get("data") or {}).get("contacts")
    codes = {error["extensions"]["code"] for error in answer.json["errors"]}
    assert codes == {"UnprocessableEntity"}, answer.json["errors"][0]


def test_a_query_has_a_length(app):
    fitting = f"{{ contacts {COUNT} }}".ljust(20_000)
    data(app, fitting)
    refused(app, fitting + " ")


def test_a_query_has_a_depth(app):
    def nested(levels):
        return "{ contacts { items " + "{ personalInformation " * levels + "{ id }" + " }" * levels + " } }"

    # Beyond what the types allow, so that the limit is what refuses it.
    refused(app, nested(11))
    assert errors(app, nested(9))[0]["extensions"]["code"] == "BadRequest"
    assert errors(app, "{ contacts" * 1500)[0]["extensions"]["code"] == "BadRequest"


def test_a_query_asks_for_ten_things_at_most_also_through_fragments(app):
    fields = "".join(f"a{number}: contacts {COUNT} " for number in range(10))
    data(app, f"{{ {fields} }}")
    refused(app, f"{{ {fields} b: __typename }}")
    refused(app, f"{{ ...all b: __typename }} fragment all on Query {{ {fields} }}")
    refused(app, f"{{ ... on Query {{ {fields} }} ...all }} fragment all on Query {{ b: __typename }}")


def test_a_query_selects_a_thousand_fields_at_most_with_its_fragments_spread_out(app):
    def aliases(count):
        return " ".join(f"a{number}: id" for number in range(count))

    data(app, f"{{ contacts {{ items {{ {aliases(900)} }} }} }}")
    refused(app, f"{{ contacts {{ items {{ {aliases(1000)} }} }} }}")
    data(app, f"{{ contacts {{ items {{ ...f }} }} }} fragment f on Contact {{ {aliases(900)} }}")
    bomb = " ".join(f"fragment f{n} on Contact {{ ...f{n + 1} ...f{n + 1} }}" for n in range(60))
    refused(app, f"{{ contacts {{ items {{ ...f0 }} }} }} {bomb} fragment f60 on Contact {{ id }}")


def test_types_are_told_once_per_query_and_not_in_circles(app):
    refused(app, "{ a: __schema { types { name } } b: __schema { types { name } } }")
    circle = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert errors(app, circle)[0]["extensions"]["code"] == "BadRequest"


def test_a_filter_has_a_depth_a_number_of_conditions_and_of_values(app):
    deep = '{ name: { eq: "x" } }'
    for _level in range(23):
        deep = f"{{ and: [{deep}] }}"
    data(app, filtered(deep))
    refused(app, filtered(f"{{ or: [{deep}] }}"))
    conditions = ", ".join(f"{{ id: {{ eq: {number} }} }}" for number in range(200))
    data(app, filtered(f"{{ or: [{conditions}] }}"))
    refused(app, filtered(f"{{ or: [{conditions}], version: {{ eq: 1 }} }}"))
    query = "query ($ids: [Int]) { contacts(where: { id: { in: $ids } }) { totalCount } }"
    data(app, query, {"ids": list(range(1000))})
    refused(app, query, {"ids": list(range(1001))})


def test_an_answer_has_a_size(make_contact, app, monkeypatch):
    named(make_contact, *"abcdefgh")
    monkeypatch.setattr(execution, "MAX_VALUES", 20)
    data(app, "{ contacts { items { id } } }")
    refused(app, "{ contacts { items { id name version } } }")
    refused(app, "{ __schema { types { name } } }")


def test_what_breaks_inside_is_not_told(make_contact, app, monkeypatch):
    make_contact()
    monkeypatch.setattr("importexport.graphql.pages.Page.total_count", property(lambda page: 1 / 0))
    (error,) = errors(app, "{ contacts { totalCount } }")
    assert error["extensions"]["code"] == "General"
    assert "division" not in error["message"]
