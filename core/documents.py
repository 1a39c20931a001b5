"""Pure functions on JSON documents: merge, compare, read and set values by path.

A path is dotted, such as `a.b.c`. An array is a single value at its own path. Outside arrays, null and the empty object
are equivalent to absent, so every document has one canonical form.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.text import in_one_form

Document = dict[str, Any]


@dataclass(slots=True)
class Change:
    """A path with its original and target value; None means absent. Treat as immutable.

    Not frozen: an import creates millions of these, and a frozen dataclass takes three times as long to create.
    """

    path: str
    original: Any
    target: Any

    def as_json(self) -> dict[str, Any]:
        return {"path": self.path, "original": self.original, "target": self.target}


def is_same(one: Any, other: Any) -> bool:
    """Compare two JSON values: `1` equals `1.0` but, unlike in Python, not `true`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def ancestors(path: str) -> Iterator[str]:
    """Yield the ancestors of a path, outermost first: `a` and `a.b` for `a.b.c`."""
    end = path.find(".")
    while end != -1:
        yield path[:end]
        end = path.find(".", end + 1)


def paths_with_ancestors(paths: Iterable[str]) -> list[str]:
    """Return the paths and all their ancestors, sorted and without duplicates, for searches by path."""
    return sorted({place for path in paths for place in (path, *ancestors(path))})


def recorded(changes: Collection[Change]) -> dict[str, Any]:
    """The columns `changes` and `paths` of a history's entry."""
    return {
        "changes": [change.as_json() for change in changes],
        "paths": paths_with_ancestors(change.path for change in changes),
    }


def merge_patch(document: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396): objects merge, null removes, other values replace. Mutates no argument."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def canonical(
    document: Mapping[str, Any], *, objects: Collection[str], stored: Mapping[str, Any] | None = None, above: str = ""
) -> Document:
    """Return the document without nulls, and without empty objects at the paths in `objects`.

    Its texts have their one form, except for values that are `stored` already: what nobody changes stays as it is.
    Empty objects at other paths stay, so that validation reports them as unknown fields.
    """
    kept: Document = {}
    for key, value in document.items():
        before = stored.get(key) if stored else None
        if isinstance(value, dict):
            path = f"{above}{key}"
            value = canonical(
                value, objects=objects, stored=before if isinstance(before, dict) else None, above=f"{path}."
            )
            if not value and path in objects:
                continue
        elif value != before:
            # Most texts are plain and need no call.
            is_plain = isinstance(value, str) and value.isascii() and value.isprintable()
            value = value.strip() if is_plain else in_one_form(value)
        if value is not None:
            kept[key] = value
    return kept


def changes_between(original: Mapping[str, Any], target: Mapping[str, Any], above: str = "") -> list[Change]:
    """Return the changes that turn `original` into `target`, in document order."""
    changes: list[Change] = []
    if original:
        _compare(original, target, above, changes)
    else:
        _collect_additions(target, above, changes)
    return changes


def _compare(original: Mapping[str, Any], target: Mapping[str, Any], above: str, changes: list[Change]) -> None:
    for key in dict.fromkeys((*original, *target)):
        before, after = original.get(key), target.get(key)
        # Fast path: most values are unchanged. Limited to strings: 1 == True in Python, but not in JSON.
        if before is after or (type(before) is str and before == after):
            continue
        path = f"{above}{key}"
        if isinstance(before, dict | None) and isinstance(after, dict | None) and (before or after):
            changes += changes_between(before or {}, after or {}, f"{path}.")
        elif not is_same(before, after):
            changes.append(Change(path, before, after))


def _collect_additions(document: Mapping[str, Any], above: str, changes: list[Change]) -> None:
    """Collect every value of a new document; twice as fast as comparing it with an empty one."""
    for key, value in document.items():
        if type(value) is dict and value:
            _collect_additions(value, f"{above}{key}.", changes)
        elif value is not None:
            changes.append(Change(f"{above}{key}", None, value))


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path, or None if absent."""
    value: Any = document
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def with_values(document: Mapping[str, Any], values: Mapping[str, Any]) -> Document:
    """Return a copy of the document with these values set by path; None removes, along with emptied objects.

    Does not mutate `document`; the copy shares all parts that are not on these paths.
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
