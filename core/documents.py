"""JSON documents without a database: merging, comparing, taking apart.

A path is a dotted place in a document. An array is one value; its path is where the array is. Outside arrays, null and
the empty object mean the same as absent, so every document has one canonical form.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(slots=True)
class Change:
    """A path, the value it had and the value it gets; None where there is none. Treat it as immutable.

    Not frozen: an import makes millions of them, and a frozen dataclass takes three times as long to make.
    """

    path: str
    original: Any
    target: Any

    def as_json(self) -> dict[str, Any]:
        return {"path": self.path, "original": self.original, "target": self.target}


def is_same(one: Any, other: Any) -> bool:
    """JSON equality: `1` equals `1.0`, but neither equals `true`, as they would in Python."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def ancestors(path: str) -> Iterator[str]:
    """Everything above a path, from the root down: `a.b.c` has `a` and `a.b`."""
    end = path.find(".")
    while end != -1:
        yield path[:end]
        end = path.find(".", end + 1)


def paths_with_ancestors(paths: Iterable[str]) -> list[str]:
    """The paths and everything above them, each once and sorted: what a search by path looks into."""
    return sorted({place for path in paths for place in (path, *ancestors(path))})


def merge_patch(document: Any, patch: Any) -> Any:
    """RFC 7396: objects merge, null removes, everything else (arrays too) replaces. Changes neither argument."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def canonical(document: Mapping[str, Any], *, objects: Collection[str], above: str = "") -> Document:
    """The document without nulls, and without empty objects at the paths in `objects`.

    An empty object anywhere else stays: validation reports that the schema has no such field.
    """
    kept: Document = {}
    for key, value in document.items():
        path = f"{above}{key}"
        if isinstance(value, dict):
            value = canonical(value, objects=objects, above=f"{path}.")
            if not value and path in objects:
                continue
        if value is not None:
            kept[key] = value
    return kept


def changes_between(original: Mapping[str, Any], target: Mapping[str, Any], above: str = "") -> list[Change]:
    """The changes that turn `original` into `target`, in the order of the documents."""
    changes: list[Change] = []
    if original:
        _compare(original, target, above, changes)
    else:
        _collect_additions(target, above, changes)
    return changes


def _compare(original: Mapping[str, Any], target: Mapping[str, Any], above: str, changes: list[Change]) -> None:
    for key in dict.fromkeys((*original, *target)):
        before, after = original.get(key), target.get(key)
        # Most values do not change. Others that Python calls equal may differ in JSON, 1 and true, but not texts.
        if before is after or (type(before) is str and before == after):
            continue
        path = f"{above}{key}"
        if isinstance(before, dict | None) and isinstance(after, dict | None) and (before or after):
            changes += changes_between(before or {}, after or {}, f"{path}.")
        elif not is_same(before, after):
            changes.append(Change(path, before, after))


def _collect_additions(document: Mapping[str, Any], above: str, changes: list[Change]) -> None:
    """Every value of a new document: comparing it with nothing takes twice as long."""
    for key, value in document.items():
        if type(value) is dict and value:
            _collect_additions(value, f"{above}{key}.", changes)
        elif value is not None:
            changes.append(Change(f"{above}{key}", None, value))


def leaf_values(document: Mapping[str, Any]) -> dict[str, Any]:
    """The paths of a document and their values: what `changes_between({}, document)` finds, several times as fast."""
    values: dict[str, Any] = {}
    _gather(document, "", values)
    return values


def _gather(document: Mapping[str, Any], above: str, values: dict[str, Any]) -> None:
    for key, value in document.items():
        if type(value) is dict:
            if value:
                _gather(value, f"{above}{key}.", values)
            else:
                values[f"{above}{key}"] = value
        elif value is not None:
            values[f"{above}{key}"] = value


def changes_of_new(document: Mapping[str, Any]) -> list[Change]:
    """The changes that make a document out of nothing: the first entry of its history."""
    return [Change(path, None, value) for path, value in leaf_values(document).items()]


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """The value at a path, None where there is none."""
    value: Any = document
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def with_values(document: Mapping[str, Any], values: Mapping[str, Any]) -> Document:
    """The document with the values at their paths; None removes, and objects that become empty go too.

    Does not change `document`, and shares with it whatever is not on these paths.
    """
    changed = dict(document)
    for path, value in values.items():
        _set(changed, path.split("."), value)
    return changed


def _set(node: Document, keys: list[str], value: Any) -> None:
    key, *rest = keys
    if not rest:
        if value is None:
            node.pop(key, None)
        else:
            node[key] = value
        return
    below = node.get(key)
    if not isinstance(below, dict):
        if value is None:
            return
        below = {}
    below = node[key] = dict(below)
    _set(below, rest, value)
    if not below:
        del node[key]
