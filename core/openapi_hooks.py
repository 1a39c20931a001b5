"""Hooks of drf-spectacular: which operations the OpenAPI document has, and in a form that every generator reads."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

VERSIONED = re.compile(r"/v\d\.\d/|/graphql$")

# Objects with properties that the contract does not name, and what these are.
_TEXTS = {"type": ["string", "null"]}
OPEN: Mapping[str, Any] = {"ChangeSet": _TEXTS, "ChangeSetV10": _TEXTS, "Stage": True}

NULL = {"type": "null"}
NULL_ENUM = "#/components/schemas/NullEnum"


def only_api_operations(endpoints: Sequence[tuple[str, ...]], **_kwargs: Any) -> list[tuple[str, ...]]:
    """Preprocessing hook: include the versioned operations and GraphQL only, not the documentation pages."""
    return [endpoint for endpoint in endpoints if VERSIONED.match(endpoint[0])]


def closed_objects(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Postprocessing hook: set `additionalProperties: false` on objects.

    Free-form objects, such as `details`, declare no properties and stay open.
    """
    for name, schema in result["components"]["schemas"].items():
        if "properties" in schema:
            schema.setdefault("additionalProperties", OPEN.get(name, False))
    return result


def present_parameters(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Postprocessing hook: make no parameter nullable. A parameter is absent, never null."""
    for operation in _operations(result):
        for parameter in operation["parameters"]:
            schema = parameter["schema"]
            if isinstance(schema.get("type"), list):
                [schema["type"]] = [kind for kind in schema["type"] if kind != "null"]
            if "enum" in schema:
                schema["enum"] = [value for value in schema["enum"] if value is not None]
    return result


def plain_nulls(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Postprocessing hook: write "or null" without a component of its own, for which generators make a class.

    A schema that accepts anything accepts null too; `oneOf` with null would accept it twice, which is never.
    """
    schemas = result["components"]["schemas"]
    schemas.pop("NullEnum", None)
    for node in _nodes(schemas):
        if "oneOf" in node:
            branches = [NULL if branch.get("$ref") == NULL_ENUM else branch for branch in node["oneOf"]]
            node["oneOf"] = branches
            if {} in branches:
                del node["oneOf"]
    return result


def shared_components(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Postprocessing hook: refer to what operations share, headers, parameters and errors, instead of repeating it."""
    components = result["components"]
    operations = list(_operations(result))
    responses = [response for operation in operations for response in operation["responses"].values()]
    headers = [(response["headers"], name, name) for response in responses for name in response.get("headers", ())]
    _share(components, "headers", headers)
    parameters = [
        (operation["parameters"], index, parameter["name"])
        for operation in operations
        for index, parameter in enumerate(operation["parameters"])
        if parameter["in"] != "path"
    ]
    _share(components, "parameters", parameters)
    errors = [
        (operation["responses"], status, HTTPStatus(int(status)).phrase.title().replace(" ", ""))
        for operation in operations
        for status in operation["responses"]
        if status >= "400"
    ]
    _share(components, "responses", errors)
    return result


def _share(components: dict[str, Any], section: str, uses: Sequence[tuple[Any, Any, str]]) -> None:
    """Replace what is used most under each name, if it is used twice, by a reference to a component of that name.

    A use is the container, the key in it and the name.
    """
    counts = Counter((name, _text(container[key])) for container, key, name in uses)
    shared: dict[str, str] = {}
    for (name, text), count in counts.most_common():
        if count > 1:
            shared.setdefault(name, text)
    for container, key, name in uses:
        if _text(container[key]) == shared.get(name):
            components.setdefault(section, {})[name] = container[key]
            container[key] = {"$ref": f"#/components/{section}/{name}"}


def _text(node: Any) -> str:
    return json.dumps(node, sort_keys=True)


def _operations(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in result["paths"].values():
        yield from item.values()


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a document, outer ones first."""
    if isinstance(node, dict):
        yield node
    if isinstance(node, dict | list):
        for below in list(node.values() if isinstance(node, dict) else node):
            yield from _nodes(below)
