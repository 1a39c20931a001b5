"""The API breaks no client of the released version, unless the next version says that it may.

`released.json` is the OpenAPI document of the latest release, `breaking.txt` what the next one breaks, each knowingly.
"""

import copy
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from packaging.version import Version

from tests.contract.breaking import breaking_changes
from tests.devstack.stack import ROOT

HERE = Path(__file__).parent
RELEASED = json.loads((HERE / "released.json").read_text())
ACCEPTED = (HERE / "breaking.txt").read_text().splitlines()


def may_break(released: str, coming: str) -> bool:
    """Return whether Semantic Versioning lets a version break clients of another."""
    before, after = Version(released), Version(coming)
    return after.major > before.major or (before.major == after.major == 0 and after.minor > before.minor)


def test_a_version_may_break_clients_if_it_is_a_major_one_or_a_minor_one_before_the_first(case):
    for released, coming, expected in [
        ("0.2.0", "0.2.1", False),
        ("0.2.0", "0.2.0", False),
        ("0.2.0", "0.3.0.dev0", True),
        ("0.9.0", "1.0.0", True),
        ("1.2.0", "1.3.0", False),
        ("1.2.0", "2.0.0", True),
    ]:
        with case(f"{released} to {coming}"):
            assert may_break(released, coming) is expected


def test_what_breaks_clients_is_known_and_the_version_says_so():
    found = breaking_changes(RELEASED, json.loads(Client().get("/openapi.json").content))
    assert found == ACCEPTED, "See CONTRIBUTING.md, “Changing the API”."
    if found:
        coming = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        assert may_break(RELEASED["info"]["version"], coming), "The version must say that it breaks clients."


# ---- what breaks and what does not

NAME = {"type": "string", "maxLength": 10}
THING = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "name": NAME,
        "kind": {"enum": ["a", "b"], "type": "string"},
        "count": {"type": "integer"},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def contract() -> dict:
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
    operation = {
        "operationId": "putThing",
        "parameters": [{"in": "query", "name": "page", "schema": {"type": "integer"}}],
        "requestBody": {"content": copy.deepcopy(body)},
        "responses": {"200": {"headers": {"ETag": {"required": True}}, "content": copy.deepcopy(body)}},
    }
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}
    operation["responses"]["200"]["content"] = answer
    schemas = {"Thing": copy.deepcopy(THING), "Answer": copy.deepcopy(THING)}
    return {"paths": {"/things": {"put": operation}}, "components": {"schemas": schemas}}


class Changing:
    """A contract that is changed, and short names of what is in it."""

    def __init__(self) -> None:
        self.content = contract()
        self.paths = self.content["paths"]
        self.operation = self.paths["/things"]["put"]
        self.sent = self.content["components"]["schemas"]["Thing"]
        self.read = self.content["components"]["schemas"]["Answer"]


BREAKING: dict[str, Callable[[Changing], object]] = {
    "an operation is gone": lambda it: it.paths.clear(),
    "another name": lambda it: it.operation.update(operationId="replaceThing"),
    "another scope": lambda it: it.operation.update(security=[{"oauth2": ["more"]}]),
    "a parameter is gone": lambda it: it.operation["parameters"].clear(),
    "a parameter is required": lambda it: it.operation["parameters"][0].update(required=True),
    "a new required parameter": lambda it: it.operation["parameters"].append(
        {"in": "header", "name": "X", "schema": {}, "required": True}
    ),
    "the body is required": lambda it: it.operation["requestBody"].update(required=True),
    "the type of the body is gone": lambda it: it.operation["requestBody"]["content"].clear(),
    "the answer is gone": lambda it: it.operation["responses"].clear(),
    "the type of the answer is gone": lambda it: it.operation["responses"]["200"]["content"].clear(),
    "a header may be absent": lambda it: it.operation["responses"]["200"]["headers"].clear(),
    "a property is no longer taken": lambda it: it.sent["properties"].pop("count"),
    "a new required property": lambda it: (it.sent["properties"].update(new={}), it.sent["required"].append("new")),
    "a property is required": lambda it: it.sent["required"].append("count"),
    "a value is no longer taken": lambda it: it.sent["properties"]["kind"]["enum"].remove("b"),
    "another type is taken": lambda it: it.sent["properties"]["count"].update(type="string"),
    "a limit is stricter": lambda it: it.sent["properties"]["name"].update(maxLength=9),
    "a new limit": lambda it: it.sent["properties"]["count"].update(minimum=1),
    "a new pattern": lambda it: it.sent["properties"]["name"].update(pattern="^a"),
    "a property of the answer is gone": lambda it: (it.read["properties"].pop("name"), it.read["required"].clear()),
    "a property of the answer may be absent": lambda it: it.read["required"].clear(),
    "an optional property of the answer is gone": lambda it: it.read["properties"].pop("count"),
    "a property of the answer may be null": lambda it: it.read["properties"]["name"].update(type=["string", "null"]),
    "a property of the answer has another type": lambda it: it.read["properties"]["count"].update(type="number"),
    "an answer has another format": lambda it: it.read["properties"]["id"].pop("format"),
    "an answer has a new value": lambda it: it.read["properties"]["kind"]["enum"].append("c"),
}
HARMLESS: dict[str, Callable[[Changing], object]] = {
    "nothing": lambda it: None,
    "a new operation": lambda it: it.paths.update({"/more": {"get": it.operation}}),
    "a new parameter": lambda it: it.operation["parameters"].append({"in": "query", "name": "x", "schema": {}}),
    "a new property is taken": lambda it: it.sent["properties"].update(new={"type": "string"}),
    "a property is no longer required": lambda it: it.sent["required"].clear(),
    "null is taken too": lambda it: it.sent["properties"]["name"].update(type=["string", "null"]),
    "a new value is taken": lambda it: it.sent["properties"]["kind"]["enum"].append("c"),
    "a limit is wider": lambda it: it.sent["properties"]["name"].update(maxLength=11),
    "numbers are taken for integers": lambda it: it.sent["properties"]["count"].update(type="number"),
    "the answer has a new property": lambda it: it.read["properties"].update(new={"type": "string"}),
    "the answer has fewer values": lambda it: it.read["properties"]["kind"]["enum"].remove("b"),
    "another component": lambda it: it.operation["responses"]["200"]["content"].update(
        {"application/json": {"schema": copy.deepcopy(THING)}}
    ),
}


@pytest.mark.parametrize("change", BREAKING)
def test_it_is_noticed_that_a_change_breaks_clients(change):
    changing = Changing()
    BREAKING[change](changing)
    assert len(breaking_changes(contract(), changing.content)) == 1


@pytest.mark.parametrize("change", HARMLESS)
def test_a_change_that_breaks_nobody_is_allowed(change):
    changing = Changing()
    HARMLESS[change](changing)
    assert breaking_changes(contract(), changing.content) == []
