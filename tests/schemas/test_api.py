"""The operations tagged SchemaManagement, over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test.utils import CaptureQueriesContext

from accounts.models import Member
from schemas.models import ListItem
from schemas.queries import current_schema
from tests.api import Api
from tests.schemas.conftest import field, section

pytestmark = pytest.mark.usefixtures("default_schemas")

SCHEMA = "/v1.0/schemas/contact"


def definition_and_token(app: Api) -> tuple[dict[str, Any], int]:
    answer = app.get(SCHEMA)
    return json.loads(answer.json["schema"]), answer.json["concurrencyToken"]


def test_a_schema_is_read_with_its_json_schema_and_token(app: Api) -> None:
    answer = app.get(SCHEMA)
    assert answer.status == 200
    assert set(answer.json) == {"id", "key", "schema", "jsonSchema", "concurrencyToken"}
    assert json.loads(answer.json["jsonSchema"])["$schema"].endswith("2020-12/schema")
    assert app.get(f"{SCHEMA}/json-schema").json == {"jsonSchema": answer.json["jsonSchema"]}


def test_a_new_version_is_published_and_its_token_answered(app: Api) -> None:
    definition, token = definition_and_token(app)
    definition["elements"].append(section("hobbies", field("sport")))
    answer = app.put(SCHEMA, {"schema": json.dumps(definition), "jsonSchema": None, "concurrencyToken": token})
    assert answer.status == 200
    assert answer.json == {"concurrencyToken": current_schema("contact").concurrency_token}
    stale = app.put(SCHEMA, {"schema": json.dumps(definition), "concurrencyToken": token})
    assert (stale.status, stale.sub_code) == (422, "ConcurrencyTokenMismatch")


def test_a_faulty_definition_answers_with_the_place_of_each_fault(app: Api) -> None:
    _definition, token = definition_and_token(app)
    faulty = {"elements": [field("a", "list"), field("id")]}
    answer = app.put(SCHEMA, {"schema": json.dumps(faulty), "concurrencyToken": token})
    assert (answer.status, answer.sub_code) == (422, "SchemaInvalid")
    assert answer.places == {"elements[0].listKey", "elements[1].key"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"concurrencyToken": "1", "schema": "{}"}, 400),
        ({"concurrencyToken": 2**53, "schema": "{}"}, 400),
        ({"concurrencyToken": -1, "schema": "{}"}, 400),
        ({"concurrencyToken": 1, "schema": {}}, 400),
        ({"concurrencyToken": 1, "schema": "{}", "force": True}, 400),
        ({"concurrencyToken": 2**53 - 1, "schema": "{}"}, 422),
        ([], 400),
    ],
)
def test_a_malformed_put_is_refused(app: Api, body: Any, status: int) -> None:
    assert app.put(SCHEMA, body).status == status


def test_a_put_without_a_schema_says_so(app: Api) -> None:
    _definition, token = definition_and_token(app)
    answer = app.put(SCHEMA, {"schema": None, "jsonSchema": None, "concurrencyToken": token})
    assert (answer.status, answer.places) == (422, {"schema"})


def test_a_member_asks_for_a_version_with_the_permission_only(
    make_member: Callable[..., Member], api_of: Callable[..., Api]
) -> None:
    without, with_permission = api_of(make_member()), api_of(make_member(permissions=["change_schema"]))
    definition, token = definition_and_token(without)
    body = {"schema": json.dumps(definition), "concurrencyToken": token}
    assert without.put(SCHEMA, body).status == 403
    assert with_permission.put(SCHEMA, body).status == 200
    definition["elements"].append(section("hobbies", field("sport")))
    assert without.put(SCHEMA, body | {"schema": json.dumps(definition)}).status == 403
    assert with_permission.put(SCHEMA, body | {"schema": json.dumps(definition)}).status == 202


@pytest.mark.parametrize("key", ["nope", "Contact", "x" * 300, "%00", "a%2Fb"])
def test_an_unknown_schema_or_list_is_not_found(app: Api, key: str) -> None:
    assert app.get(f"/v1.0/schemas/{key}").status == 404
    assert app.get(f"/v1.0/schemas/{key}/layout").status == 404
    assert app.post(f"/v1.0/schemas/{key}/fields", {}).status == 404
    assert app.put(f"/v1.0/schemas/{key}", {"schema": "{}", "concurrencyToken": 1}).status == 404
    assert app.post(f"/v1.0/lists/{key}/search", {}).status == 404


def test_the_layout_is_a_flat_tree_with_labels_in_the_language_of_the_request(app: Api) -> None:
    elements = app.get(f"{SCHEMA}/layout", accept_language="de").json["fields"]
    by_key = {element["key"]: element for element in elements}
    assert set(elements[0]) == {"key", "parentKey", "type", "label", "description", "order"}
    assert by_key["personalInformation"] == {
        "key": "personalInformation",
        "parentKey": None,
        "type": "section",
        "label": "Personalien",
        "description": None,
        "order": 1,
    }
    assert by_key["personalInformation.names"]["type"] == "group"
    assert by_key["contactInformation.addresses"]["type"] == "object"
    assert {element["parentKey"] for element in elements} <= {None, *by_key}


@pytest.mark.parametrize(("key", "label"), [("contact", "Kontakt"), ("legal-entity", "Juristische Person")])
def test_every_field_is_in_an_element_of_the_layout_and_the_root_is_one(app: Api, key: str, label: str) -> None:
    path = f"/v1.0/schemas/{key}"
    [root, *others] = app.get(f"{path}/layout", accept_language="de").json["fields"]
    assert root == {"key": "", "parentKey": None, "type": "section", "label": label, "description": None, "order": 1}
    fields = app.post(f"{path}/fields", {}).json["fields"]
    assert {field["layoutPathKey"] for field in fields} <= {"", *(element["key"] for element in others)}
    at_the_root = [field["key"] for field in fields if field["layoutPathKey"] == ""]
    asked = app.post(f"{path}/fields", {"layoutPathKey": ""})
    assert (asked.status, [field["key"] for field in asked.json["fields"]]) == (200, at_the_root)
    assert ("name" in at_the_root) is (key == "legal-entity")


@pytest.mark.parametrize(
    ("language", "label"),
    [("en", "Last name"), ("de", "Nachname"), ("fr", "Nom de famille"), ("it", "Cognome"), ("pt", "Last name")],
)
def test_fields_have_labels_in_the_language_of_the_request(app: Api, language: str, label: str) -> None:
    answer = app.post(f"{SCHEMA}/fields", {"fieldKeys": ["personalInformation.lastName"]}, accept_language=language)
    [found] = answer.json["fields"]
    assert found["label"] == label
    assert found == {
        **found,
        "key": "personalInformation.lastName",
        "type": "text",
        "layoutPathKey": "personalInformation.names",
        "isMandatory": True,
        "isApprovalRequired": True,
        "isVerificationRequired": False,
        "maxLength": 100,
        "listKey": None,
    }


def test_json_schemas_have_titles_in_the_language_of_the_request(app: Api) -> None:
    for language, personal, name, city in (
        ("de", "Personalien", "Nachname", "Ort"),
        ("en", "Personal information", "Last name", "City"),
    ):
        for path in (SCHEMA, f"{SCHEMA}/json-schema"):
            schema = json.loads(app.get(path, accept_language=language).json["jsonSchema"])
            person = schema["properties"]["personalInformation"]
            addresses = schema["properties"]["contactInformation"]["properties"]["addresses"]
            assert (person["title"], person["properties"]["lastName"]["title"]) == (personal, name)
            assert addresses["items"]["properties"]["city"]["title"] == city
            assert {name: value for name, value in schema.items() if name != "properties"} == {
                name: value for name, value in current_schema("contact").json_schema.items() if name != "properties"
            }


def test_fields_are_narrowed_by_layout(app: Api) -> None:
    def keys(path: str | None) -> list[str]:
        return [found["key"] for found in app.post(f"{SCHEMA}/fields", {"layoutPathKey": path}).json["fields"]]

    assert keys(None) == list(current_schema("contact").fields)
    assert all(key.startswith("personalInformation.") for key in keys("personalInformation"))
    assert "personalInformation.lastName" in keys("personalInformation")
    assert "personalInformation.dateOfBirth" not in keys("personalInformation.names")
    assert keys("contactInformation.addresses")[0] == "contactInformation.addresses.type"


@pytest.mark.parametrize(
    ("body", "status", "places"),
    [
        ({"fieldKeys": ["nope", "personalInformation"]}, 422, {"fieldKeys"}),
        ({"layoutPathKey": "nope"}, 422, {"layoutPathKey"}),
        ({"fieldKeys": "personalInformation.lastName"}, 400, {"fieldKeys"}),
        ({"fieldKeys": [1]}, 400, None),
        ({"layoutPathKey": 1}, 400, {"layoutPathKey"}),
        ({"keys": []}, 400, {"keys"}),
    ],
)
def test_unknown_fields_are_refused_by_name(app: Api, body: Any, status: int, places: set[str] | None) -> None:
    answer = app.post(f"{SCHEMA}/fields", body)
    assert answer.status == status
    assert places is None or answer.places == places


def test_list_items_are_found_in_the_language_of_the_request(app: Api) -> None:
    answer = app.post("/v1.0/lists/country/search", {"filter": "SUISS"}, accept_language="fr")
    item = ListItem.objects.get(list__key="country", key="CH")
    assert answer.json == {
        "items": [{"id": item.pk, "listKey": "country", "key": "CH", "name": "Suisse", "parentId": None, "order": 0}],
        "totalCount": 1,
    }


def test_the_states_of_a_country_are_found(app: Api) -> None:
    country = ListItem.objects.get(list__key="country", key="CH").pk
    body = {"isFilteredByHierarchy": True, "hierarchyListItemId": country, "limit": 5}
    answer = app.post("/v1.0/lists/state/search", body)
    assert answer.json["totalCount"] == 26
    assert {item["parentId"] for item in answer.json["items"]} == {country}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": 1_001},
        {"limit": "10"},
        {"includeId": 2**31},
        {"hierarchyListItemId": 2**31},
        {"isFilteredByHierarchy": 1},
        {"filter": 1},
        {"filter": "x" * 201},
        {"term": "x"},
        [],
    ],
)
def test_a_malformed_search_is_refused(app: Api, body: Any) -> None:
    assert app.post("/v1.0/lists/country/search", body).status == 400


def test_items_of_several_lists_are_read_at_once(app: Api) -> None:
    answer = app.post("/v1.0/lists/search", {"listKeys": ["gender", "contact-type"]}, accept_language="de")
    assert [item["name"] for item in answer.json["items"]] == [
        "Weiblich",
        "Männlich",
        "Anderes",
        "Kunde",
        "Interessent",
    ]
    assert app.post("/v1.0/lists/search", {"listKeys": ["nope"]}).status == 422
    assert len(app.post("/v1.0/lists/search", {}).json["items"]) == ListItem.objects.count()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("lists/state/search", {"filter": "a"}),
        ("lists/search", {"listKeys": ["state"]}),
        ("schemas/contact/fields", {}),
    ],
)
def test_every_search_stays_within_five_statements(
    app: Api, path: str, body: Any, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    with count_queries() as queries:
        assert app.post(f"/v1.0/{path}", body).status == 200
    assert len(queries) <= 5
