"""Definitions as documents with paths, which change requests and the ledger compare.

The document of the schema `contact` is `{"contact": {"elements": {...}, "order": [...], "rules": [...]}}`. Elements are
by key, nested as in the details: a group is an element among those that it holds, since it nests no data. `order` has
the keys of what a root, section, group or object field holds, as on the form. So `contact.elements.occupation.elements.
employer.isMandatory` is the path of a flag, and a definition has one document and a document one definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from core.documents import Change, Document, is_same
from schemas.definition import invalid
from schemas.definition.elements import GROUP

ELEMENTS, ORDER, RULES = "elements", "order", "rules"


def document_of(key: str, definition: Mapping[str, Any]) -> Document:
    """Return the document of a valid definition."""
    root = _scope(definition)
    return {key: root if RULES not in root else {**root, RULES: root.pop(RULES)}}


def _scope(value: Mapping[str, Any]) -> Document:
    elements: Document = {}
    order = _placed(value, elements)
    return {**_properties(value), ELEMENTS: elements, ORDER: order}


def _placed(value: Mapping[str, Any], elements: Document) -> list[str]:
    """Add what a container holds to the elements of its scope; return their keys."""
    for child in value[ELEMENTS]:
        key = child["key"]
        if child["type"] == GROUP:
            elements[key] = {**_properties(child), ORDER: _placed(child, elements)}
        else:
            elements[key] = _scope(child) if ELEMENTS in child else _properties(child)
    return [child["key"] for child in value[ELEMENTS]]


def _properties(value: Mapping[str, Any]) -> Document:
    """Return what is said of an element or a root itself, whether in a definition or in a document."""
    return {name: part for name, part in value.items() if name not in ("key", ORDER, ELEMENTS)}


def definition_of(key: str, document: Mapping[str, Any]) -> Document:
    """Return the definition of a document.

    Raises UnprocessableEntity `SchemaInvalid` if the order does not place every element once: a part of the changes
    that were asked for may do so.
    """
    return _read_scope(document.get(key) or {}, key)


def _read_scope(value: Mapping[str, Any], place: str) -> Document:
    elements = value.get(ELEMENTS, {})
    unplaced = dict(elements)
    read = {**_properties(value), ELEMENTS: _read_placed(value, unplaced, place, place)}
    if unplaced:
        message = _("This element has no place in the order.")
        raise invalid({f"{place}.{ELEMENTS}.{key}": [message] for key in sorted(unplaced)})
    return read


def _read_placed(value: Mapping[str, Any], unplaced: Document, scope: str, place: str) -> list[Document]:
    """Return the elements that a container holds, and take them from those of its scope that have no place yet."""
    read = []
    for key in value.get(ORDER) or ():
        if key not in unplaced:
            message = _("“%(key)s” is no element here, or has a place already.") % {"key": key[:80]}
            raise invalid({f"{place}.{ORDER}": [message]})
        element, at = unplaced.pop(key), f"{scope}.{ELEMENTS}.{key}"
        if element.get("type") == GROUP:
            found = {**_properties(element), ELEMENTS: _read_placed(element, unplaced, scope, at)}
        else:
            found = _read_scope(element, at) if element.keys() & {ORDER, ELEMENTS} else _properties(element)
        read.append({"key": key, **found})
    return read


def definition_changes(key: str, before: Document, after: Document) -> list[Change]:
    """Return the changes from one document of a schema to another.

    An element that is added or removed is one change, with all that it holds; of others, each property is one, and each
    language of a text. If there was no document, the whole definition is.
    """
    if key not in before:
        return [Change(key, None, after[key])]
    return list(_changes(before[key], after[key], key))


def _changes(before: Document, after: Document, above: str) -> Iterator[Change]:
    for name in dict.fromkeys((*after, *before)):
        old, new, path = before.get(name), after.get(name), f"{above}.{name}"
        if name == ELEMENTS:
            yield from _element_changes(old or {}, new or {}, path)
        elif isinstance(old, dict) or isinstance(new, dict):
            texts, others = new or {}, old or {}
            for language in dict.fromkeys((*texts, *others)):
                if texts.get(language) != others.get(language):
                    yield Change(f"{path}.{language}", others.get(language), texts.get(language))
        elif not is_same(old, new):
            yield Change(path, old, new)


def _element_changes(before: Document, after: Document, above: str) -> Iterator[Change]:
    for key in dict.fromkeys((*after, *before)):
        path = f"{above}.{key}"
        if key in before and key in after:
            yield from _changes(before[key], after[key], path)
        else:
            yield Change(path, before.get(key), after.get(key))


@dataclass(frozen=True, slots=True)
class Place:
    """What a path is about: an element, all others around it from the outside in, or a property of these.

    `elements` are the paths of the elements, innermost last; `name` and `language` are empty if it is an element.
    """

    root: str
    elements: tuple[str, ...] = ()
    name: str = ""
    language: str = ""

    @property
    def holder(self) -> str:
        """The path of what has the property, or holds the element."""
        around = self.elements if self.name else self.elements[:-1]
        return around[-1] if around else self.root


def place_of(path: str) -> Place:
    parts = path.split(".")
    elements, at = [], 1
    while parts[at : at + 1] == [ELEMENTS] and len(parts) > at + 1:
        at += 2
        elements.append(".".join(parts[:at]))
    name, language = (*parts[at:], "", "")[:2]
    return Place(parts[0], tuple(elements), name, language)
