"""Parsing of definitions. Collects all faults by place instead of stopping at the first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from schemas.definition.constraints import constraints_of
from schemas.definition.elements import (
    CHANNEL_TYPES,
    FLAGS,
    FLAGS_OF_A_WHOLE_VALUE,
    GROUP,
    ITEM_CONSTRAINTS,
    LENGTH_CONSTRAINTS,
    MAX_DESCRIPTION_LENGTH,
    MAX_ELEMENT_DEPTH,
    MAX_ELEMENTS,
    MAX_LABEL_LENGTH,
    MAX_RULES,
    NUMBER_CONSTRAINTS,
    PHONE_TYPES,
    RESERVED_ROOT_KEYS,
    SECTION,
    Definition,
    Element,
    FieldElement,
    FieldType,
    Group,
    Section,
)
from schemas.definition.faults import Faults, below
from schemas.definition.rules import check_rule
from schemas.phones import REGIONS

KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")

_COMMON = frozenset({"key", "type", "label", "description"})
_KNOWN_OF_CONTAINER = _COMMON | {"elements"}
_KNOWN_OF_FIELD = (
    _COMMON
    | {"isArray", "elements", "listKey", "hierarchyFieldKey", "pattern", "region"}
    | FLAGS.keys()
    | LENGTH_CONSTRAINTS.keys()
    | ITEM_CONSTRAINTS.keys()
    | NUMBER_CONSTRAINTS.keys()
)
_TYPES = frozenset({SECTION, GROUP, *FieldType})

# List key -> key of its parent list, if any.
Lists = Mapping[str, str | None]


@dataclass(slots=True)
class _Scope:
    """The document object that elements belong to. Groups share the scope of their object."""

    is_root: bool = False
    is_in_object: bool = False
    is_in_array: bool = False
    depth: int = 0
    places: dict[str, str] = field(default_factory=dict)
    fields: dict[str, tuple[FieldElement, str]] = field(default_factory=dict)


def read_definition(value: Any, *, lists: Lists | None, faults: Faults) -> Definition:
    """Return the definition as far as it is readable. Adds the rest to `faults`.

    If `lists` is None, list keys are not checked, since lists may differ from when a version was published.
    """
    return _Reader(lists, faults).definition(value)


class _Reader:
    def __init__(self, lists: Lists | None, faults: Faults) -> None:
        self.lists = lists
        self.faults = faults
        self.languages = [code for code, _name in settings.LANGUAGES]
        self.element_count = 0
        self.verified: dict[FieldType, str] = {}

    def definition(self, value: Any) -> Definition:
        if not isinstance(value, dict):
            self.faults.add("", _("Expected an object."))
            return Definition(elements=())
        self.unknown(value, "", {"elements", "rules"})
        elements = self.scope_of(value, "", _Scope(is_root=True))
        rules = value.get("rules", [])
        if not isinstance(rules, list) or len(rules) > MAX_RULES:
            self.faults.add("rules", _("Expected a list of at most %(limit)d rules.") % {"limit": MAX_RULES})
            rules = []
        for index, rule in enumerate(rules):
            check_rule(rule, elements=elements, place=f"rules[{index}]", faults=self.faults)
        return Definition(elements=elements, rules=tuple(rule for rule in rules if isinstance(rule, dict)))

    def scope_of(self, value: dict[str, Any], place: str, scope: _Scope) -> tuple[Element, ...]:
        """Read the elements of one object, then check the hierarchies between its fields."""
        elements = self.elements(value, place, scope)
        for element, at in scope.fields.values():
            self.hierarchy(element, f"{at}.hierarchyFieldKey", scope)
        return elements

    def elements(self, value: dict[str, Any], place: str, scope: _Scope) -> tuple[Element, ...]:
        at = below(place, "elements")
        items = value.get("elements")
        if not isinstance(items, list) or not items:
            self.faults.add(at, _("Expected a list of at least one element."))
            return ()
        if scope.depth >= MAX_ELEMENT_DEPTH:
            self.faults.add(
                at, _("Elements may be nested at most %(limit)d levels deep.") % {"limit": MAX_ELEMENT_DEPTH}
            )
            return ()
        self.element_count += len(items)
        if self.element_count > MAX_ELEMENTS:
            self.faults.add(at, _("There may be %(limit)d elements at most.") % {"limit": MAX_ELEMENTS})
            return ()
        found = (self.element(item, f"{at}[{index}]", scope) for index, item in enumerate(items))
        return tuple(element for element in found if element is not None)

    def element(self, value: Any, place: str, scope: _Scope) -> Element | None:
        if not isinstance(value, dict):
            self.faults.add(place, _("Expected an object."))
            return None
        kind = value.get("type")
        if not isinstance(kind, str) or kind not in _TYPES:
            self.faults.add(
                f"{place}.type", _("Expected one of: %(known)s.") % {"known": ", ".join(sorted(map(str, _TYPES)))}
            )
            return None
        key = self.key(value, place, scope)
        common: dict[str, Any] = {
            "key": key,
            "labels": self.localized(value, "label", place, MAX_LABEL_LENGTH, is_mandatory=True),
            "descriptions": self.localized(value, "description", place, MAX_DESCRIPTION_LENGTH, is_mandatory=False),
        }
        if kind == SECTION:
            self.unknown(value, place, _KNOWN_OF_CONTAINER)
            if scope.is_in_object:
                self.faults.add(place, _("A section cannot be placed inside an object field."))
            return Section(**common, elements=self.scope_of(value, place, _Scope(depth=scope.depth + 1)))
        if kind == GROUP:
            self.unknown(value, place, _KNOWN_OF_CONTAINER)
            return Group(**common, elements=self.grouped(value, place, scope))
        self.unknown(value, place, _KNOWN_OF_FIELD)
        element = self.field(value, FieldType(kind), place, scope, common)
        scope.fields.setdefault(key, (element, place))
        return element

    def grouped(self, value: dict[str, Any], place: str, scope: _Scope) -> tuple[Element, ...]:
        scope.depth += 1
        elements = self.elements(value, place, scope)
        scope.depth -= 1
        return elements

    def key(self, value: dict[str, Any], place: str, scope: _Scope) -> str:
        key = value.get("key")
        at = f"{place}.key"
        if not isinstance(key, str) or not KEY.fullmatch(key):
            self.faults.add(
                at, _("Expected a letter, then letters, digits, hyphens and underscores: 63 characters at most.")
            )
            return ""
        if scope.is_root and key in RESERVED_ROOT_KEYS:
            self.faults.add(at, _("The key “%(key)s” is reserved at the root.") % {"key": key})
        # GraphQL names replace hyphens by underscores, so keys that differ only in these would collide.
        name = key.replace("-", "_")
        first = scope.places.setdefault(name, place)
        if first != place:
            self.faults.add(at, _("The key “%(key)s” is used already, by %(place)s.") % {"key": key, "place": first})
        return key

    def field(
        self, value: dict[str, Any], kind: FieldType, place: str, scope: _Scope, common: dict[str, Any]
    ) -> FieldElement:
        is_array = self.boolean(value, "isArray", place)
        flags: dict[str, Any] = {attribute: self.boolean(value, name, place) for name, attribute in FLAGS.items()}
        if scope.is_in_array:
            for name in sorted(FLAGS_OF_A_WHOLE_VALUE):
                if flags[FLAGS[name]]:
                    self.faults.add(
                        f"{place}.{name}", _("An array changes as one value: set this on the array itself.")
                    )
        if flags["is_verification_required"]:
            self.verification(kind, place, is_in_array=is_array or scope.is_in_array)
        list_key, hierarchy_field_key = self.list_of(value, kind, place)
        inner = _Scope(is_in_object=True, is_in_array=is_array or scope.is_in_array, depth=scope.depth + 1)
        if kind is FieldType.OBJECT:
            elements = self.scope_of(value, place, inner)
        else:
            elements = ()
            if "elements" in value:
                self.faults.add(f"{place}.elements", _("Only sections, groups and object fields hold elements."))
        return FieldElement(
            **common,
            **flags,
            **constraints_of(value, kind, is_array=is_array, place=place, faults=self.faults),
            type=kind,
            is_array=is_array,
            elements=elements,
            list_key=list_key,
            hierarchy_field_key=hierarchy_field_key,
            region=self.region(value, kind, f"{place}.region"),
        )

    def list_of(self, value: dict[str, Any], kind: FieldType, place: str) -> tuple[str | None, str | None]:
        names: dict[str, str | None] = {"listKey": None, "hierarchyFieldKey": None}
        for name in names:
            if name not in value:
                continue
            if kind is not FieldType.LIST:
                self.faults.add(f"{place}.{name}", _("Only list fields have this."))
            elif not isinstance(value[name], str):
                self.faults.add(f"{place}.{name}", _("Expected text."))
            else:
                names[name] = value[name]
        list_key = names["listKey"]
        if kind is FieldType.LIST and "listKey" not in value:
            self.faults.add(f"{place}.listKey", _("A list field names its list."))
        elif list_key is not None and self.lists is not None and list_key not in self.lists:
            self.faults.add(f"{place}.listKey", _("There is no list “%(key)s”.") % {"key": list_key[:80]})
        return list_key, names["hierarchyFieldKey"]

    def region(self, value: dict[str, Any], kind: FieldType, at: str) -> str | None:
        region = value.get("region")
        if "region" not in value:
            return None
        if kind not in PHONE_TYPES:
            self.faults.add(at, _("Only phone and mobile fields have this."))
        elif not isinstance(region, str) or region not in REGIONS:
            self.faults.add(at, _("Expected the code of a country, such as CH."))
        else:
            return region
        return None

    def hierarchy(self, element: FieldElement, at: str, scope: _Scope) -> None:
        """Check that the parent field is a single list field of the same object, and uses the parent list."""
        if element.hierarchy_field_key is None:
            return
        above, _place = scope.fields.get(element.hierarchy_field_key, (None, ""))
        if above is None or above.type is not FieldType.LIST or above is element:
            self.faults.add(at, _("This names no other list field of the same object."))
        elif above.is_array:
            self.faults.add(at, _("The field above cannot be an array."))
        elif self.lists is not None and element.list_key is not None and element.list_key in self.lists:
            parent = self.lists[element.list_key]
            if parent is None:
                self.faults.add(at, _("The items of the list “%(key)s” have no parents.") % {"key": element.list_key})
            elif parent != above.list_key:
                self.faults.add(
                    at,
                    _("The field above must choose from the list “%(parent)s”, the parent of “%(key)s”.")
                    % {"parent": parent, "key": element.list_key},
                )

    def verification(self, kind: FieldType, place: str, *, is_in_array: bool) -> None:
        """Check a verified field. A contact has one email and one mobile channel, hence one verified field of each."""
        at = f"{place}.isVerificationRequired"
        if kind not in CHANNEL_TYPES:
            self.faults.add(at, _("Only email and mobile fields can be verified."))
        elif is_in_array:
            self.faults.add(at, _("A verified field cannot be an array or part of one."))
        else:
            first = self.verified.setdefault(kind, place)
            if first != place:
                self.faults.add(
                    at,
                    _("Only one %(type)s field can be verified, and %(place)s is already.")
                    % {"type": str(kind), "place": first},
                )

    def localized(
        self, value: dict[str, Any], name: str, place: str, max_length: int, *, is_mandatory: bool
    ) -> dict[str, str]:
        at = f"{place}.{name}"
        texts = value.get(name)
        if name not in value and not is_mandatory:
            return {}
        if not isinstance(texts, dict):
            self.faults.add(at, _('Expected an object of texts by language, such as {"en": "Last name"}.'))
            return {}
        if "en" not in texts:
            self.faults.add(f"{at}.en", _("The English text is mandatory: it is used for languages without one."))
        for language, text in texts.items():
            if language not in self.languages:
                self.faults.add(
                    below(at, language),
                    _("Unknown language; expected one of: %(known)s.") % {"known": ", ".join(self.languages)},
                )
            elif not isinstance(text, str) or not text.strip() or len(text) > max_length:
                self.faults.add(
                    below(at, language), _("Expected text of 1 to %(limit)d characters.") % {"limit": max_length}
                )
        return {language: text for language, text in texts.items() if isinstance(text, str)}

    def boolean(self, value: dict[str, Any], name: str, place: str) -> bool:
        flag = value.get(name, False)
        if not isinstance(flag, bool):
            self.faults.add(f"{place}.{name}", _("Expected true or false."))
            return False
        return flag

    def unknown(self, value: dict[str, Any], place: str, known: Set[str]) -> None:
        for name in value:
            if name not in known:
                self.faults.add(below(place, name), _("There is no such property here."))
