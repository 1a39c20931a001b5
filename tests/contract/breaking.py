"""What of a change of the OpenAPI document breaks the clients of the version before.

A client breaks when what it sends is no longer taken, or when it reads what it does not know. Names of components and
texts make no difference on the wire.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Node = Mapping[str, Any]
# By whether a greater value takes less.
LIMITS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda old, new: new > old,
    "minLength": lambda old, new: new > old,
    "minItems": lambda old, new: new > old,
    "maximum": lambda old, new: new < old,
    "maxLength": lambda old, new: new < old,
    "maxItems": lambda old, new: new < old,
}
FORMS = ("format", "pattern")


class Document:
    def __init__(self, content: Node) -> None:
        self.content = content

    def follow(self, node: Node) -> Node:
        """Return what the node refers to, with what stands beside the reference."""
        while "$ref" in node or len(node.get("allOf", ())) == 1:
            beside = {name: value for name, value in node.items() if name not in ("$ref", "allOf")}
            target: Any = self.content
            if "$ref" not in node:
                [target] = node["allOf"]
            else:
                for part in node["$ref"].removeprefix("#/").split("/"):
                    target = target[part]
            node = {**target, **beside}
        return node

    def shape(self, node: Node) -> tuple[Node, frozenset[str]]:
        """Return a schema without null, and the types that it allows; none if it allows any."""
        node = self.follow(node)
        branches = [branch for branch in node.get("oneOf", ()) if branch != {"type": "null"}]
        if len(branches) == 1:
            shape, types = self.shape(branches[0])
            return shape, types | ({"null"} if len(node["oneOf"]) > 1 and types else set())
        types = node.get("type", [])
        return node, frozenset([types] if isinstance(types, str) else types)

    def operations(self) -> dict[str, Node]:
        return {
            f"{method.upper()} {path}": operation
            for path, item in self.content["paths"].items()
            for method, operation in item.items()
        }

    def parameters(self, operation: Node) -> dict[tuple[str, str], Node]:
        found = [self.follow(parameter) for parameter in operation.get("parameters", ())]
        return {(parameter["in"], parameter["name"]): parameter for parameter in found}

    def responses(self, operation: Node) -> dict[str, Node]:
        return {status: self.follow(response) for status, response in operation["responses"].items()}

    def headers(self, response: Node) -> dict[str, Node]:
        return {name: self.follow(header) for name, header in response.get("headers", {}).items()}


def breaking_changes(old: Node, new: Node) -> list[str]:
    """Return a sentence for each change that breaks clients of the old document."""
    return sorted(set(_Comparison(Document(old), Document(new)).differences()))


@dataclass(frozen=True)
class _Comparison:
    old: Document
    new: Document

    def differences(self) -> Iterator[str]:
        after = self.new.operations()
        for name, operation in self.old.operations().items():
            if name not in after:
                yield f"{name}: is gone"
                continue
            yield from self._operation(name, operation, after[name])

    def _operation(self, name: str, old: Node, new: Node) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{name}: is called {new['operationId']} instead of {old['operationId']}"
        if old.get("security") != new.get("security"):
            yield f"{name}: asks for another scope"
        yield from self._parameters(name, self.old.parameters(old), self.new.parameters(new))
        yield from self._request(f"{name}: request", old.get("requestBody", {}), new.get("requestBody", {}))
        after = self.new.responses(new)
        for status, response in self.old.responses(old).items():
            if status in after:
                yield from self._response(f"{name}: {status}", response, after[status])
            elif status < "400":
                yield f"{name}: {status} is gone"

    def _parameters(self, name: str, old: Mapping[Any, Node], new: Mapping[Any, Node]) -> Iterator[str]:
        for key, parameter in old.items():
            if key not in new:
                yield f"{name}: parameter {key[1]} is gone"
            else:
                yield from self._sent(f"{name}: parameter {key[1]}", parameter["schema"], new[key]["schema"], ())
        for key, parameter in new.items():
            if parameter.get("required") and not old.get(key, {}).get("required"):
                yield f"{name}: parameter {key[1]} is required"

    def _request(self, name: str, old: Node, new: Node) -> Iterator[str]:
        if new.get("required") and not old.get("required"):
            yield f"{name}: a body is required"
        for kind, media in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{name}: {kind} is no longer taken"
            else:
                yield from self._sent(name, media["schema"], new["content"][kind]["schema"], ())

    def _response(self, name: str, old: Node, new: Node) -> Iterator[str]:
        for kind, media in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{name}: is no longer {kind}"
            else:
                yield from self._read(name, media["schema"], new["content"][kind]["schema"], ())
        after = self.new.headers(new)
        for header, declared in self.old.headers(old).items():
            if declared.get("required") and not after.get(header, {}).get("required"):
                yield f"{name}: may come without the header {header}"

    def _sent(self, name: str, old: Node, new: Node, seen: tuple[Any, ...]) -> Iterator[str]:
        """Yield what a client may have sent and may no longer send."""
        (before, types), (after, now) = self.old.shape(old), self.new.shape(new)
        if now and not _accepts(now, types):
            yield f"{name}: takes {_named(now)} instead of {_named(types)}"
        yield from _less(f"{name}: no longer takes", before.get("enum"), after.get("enum"))
        for limit, is_stricter in LIMITS.items():
            if limit in after and (limit not in before or is_stricter(before[limit], after[limit])):
                yield f"{name}: {limit} is {after[limit]} instead of {before.get(limit, 'none')}"
        for form in FORMS:
            if form in after and before.get(form) != after[form]:
                yield f"{name}: has another {form}"
        yield from self._inside(name, before, after, seen, self._sent)
        properties = after.get("properties", {})
        for required in set(after.get("required", ())) - set(before.get("required", ())):
            yield f"{name}.{required}: is required"
        if after.get("additionalProperties", True) is False:
            yield from _less(f"{name}: no longer takes", [*before.get("properties", ())], [*properties])

    def _read(self, name: str, old: Node, new: Node, seen: tuple[Any, ...]) -> Iterator[str]:
        """Yield what a client may now read and could not read before."""
        (before, types), (after, now) = self.old.shape(old), self.new.shape(new)
        if types and not _accepts(types, now):
            yield f"{name}: is {_named(now)} instead of {_named(types)}"
        yield from _less(f"{name}: may also be", after.get("enum"), before.get("enum"))
        if "format" in before and before["format"] != after.get("format"):
            yield f"{name}: has another format"
        yield from self._inside(name, before, after, seen, self._read)
        properties = after.get("properties", {})
        for gone in before.get("properties", {}).keys() - properties.keys():
            yield f"{name}.{gone}: is gone"
        for required in (set(before.get("required", ())) - set(after.get("required", ()))) & properties.keys():
            yield f"{name}.{required}: may be absent"

    def _inside(self, name: str, old: Node, new: Node, seen: tuple[Any, ...], compare: Any) -> Iterator[str]:
        pair = id(old.get("properties")), id(new.get("properties"))
        if "properties" in old and pair in seen:
            return
        for key, schema in old.get("properties", {}).items():
            if key in new.get("properties", {}):
                yield from compare(f"{name}.{key}", schema, new["properties"][key], (*seen, pair))
        for key in ("items", "additionalProperties"):
            if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
                yield from compare(f"{name}[]", old[key], new[key], seen)


def _accepts(types: frozenset[str], others: frozenset[str]) -> bool:
    """Return whether all the others are among the types. No others mean any."""
    if "number" in types:
        types |= {"integer"}
    return bool(others) and others <= types


def _named(types: frozenset[str]) -> str:
    return " or ".join(sorted(types)) or "anything"


def _less(what: str, before: list[Any] | None, after: list[Any] | None) -> Iterator[str]:
    """Yield what was possible before and is not now. Without a list anything is."""
    if after is None or before is None:
        if after is not None:
            yield f"{what} all but {', '.join(map(str, after))}"
        return
    for gone in (value for value in before if value not in after):
        yield f"{what} {gone}"
