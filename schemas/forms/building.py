"""Builds a form's tree of nodes from a schema, a document and the submitted data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from django.utils.timezone import get_current_timezone_name
from django.utils.translation import gettext as _

from schemas.compiled import CompiledSchema
from schemas.definition.elements import Element, FieldElement, FieldType, Group, Section, data_elements
from schemas.fields import Field
from schemas.forms.nodes import (
    ABSENT,
    REMOVE,
    ArrayNode,
    DataNode,
    GroupBox,
    Leaf,
    Leftover,
    Node,
    ObjectNode,
    Row,
)
from schemas.forms.values import is_shown_by_control, raw_of
from schemas.localization import text_in

_ROW_ID = re.compile(r"[A-Za-z0-9]{1,20}")
_STORED_ROW = re.compile(r"0|[1-9][0-9]{0,5}")
# The row id in the template for new rows. One per nesting depth, so that each can be replaced separately.
_PLACEHOLDER = "__row{}__"


class Sent(Protocol):
    """Submitted data: a QueryDict or any mapping of names to lists of strings."""

    def getlist(self, key: str) -> list[Any]: ...

    def __contains__(self, key: object) -> bool: ...


class Builder:
    """Builds the nodes of one form. `sent` is None for an unbound form."""

    def __init__(
        self,
        schema: CompiledSchema,
        *,
        prefix: str,
        sent: Sent | None,
        is_for_member: bool,
        is_approval_marked: bool,
        choices_url: str,
    ) -> None:
        self.schema = schema
        self.prefix = prefix
        self.sent = sent
        self.is_for_member = is_for_member
        self.is_approval_marked = is_approval_marked
        self.choices_url = choices_url

    def root(self, document: Mapping[str, Any]) -> ObjectNode:
        place = _Place(self.sent)
        children, leftovers = self._inside(self.schema.definition.elements, "", self.prefix, dict(document), place)
        root = ObjectNode(
            name=self.prefix, key="", label="", stored=dict(document), children=children, leftovers=leftovers
        )
        place_paths(root, "")
        return root

    def _inside(
        self, elements: tuple[Element, ...], path: str, name: str, stored: Mapping[str, Any], place: _Place
    ) -> tuple[list[Node], list[Leftover]]:
        """Return the nodes of an object's elements, and those of its values that the schema does not define."""
        children = [self._node(element, path, name, stored, place) for element in elements]
        named = {element.key for element in data_elements(elements)}
        leftovers = [self._leftover(key, key, value, name, place) for key, value in stored.items() if key not in named]
        return children, leftovers

    def _node(self, element: Element, path: str, name: str, stored: Mapping[str, Any], place: _Place) -> Node:
        if isinstance(element, Group):
            return GroupBox(
                name=f"{name}.{element.key}.",
                label=text_in(element.labels, fallback=element.key),
                description=text_in(element.descriptions) or None,
                children=[self._node(inner, path, name, stored, place) for inner in element.elements],
            )
        value = stored.get(element.key, ABSENT)
        inner_path = f"{path}.{element.key}" if path else element.key
        inner_name = f"{name}.{element.key}"
        if isinstance(element, Section):
            return self._section(element, inner_path, name, inner_name, value, place)
        if not isinstance(element, FieldElement):
            raise TypeError(element)
        field = self.schema.fields[inner_path]
        if not _is_shown(field, value):
            return self._leftover(element.key, field.label(), value, name, place, field=field)
        if field.is_array:
            return self._array(element, field, inner_name, value, place)
        return self._single(element, field, inner_name, value, place, above=name)

    def _section(
        self, element: Section, path: str, above: str, name: str, stored: Any, place: _Place
    ) -> ObjectNode | Leftover:
        label = text_in(element.labels, fallback=element.key)
        if not _is_object(stored):
            return self._leftover(element.key, label, stored, above, place, is_named=True)
        children, leftovers = self._inside(element.elements, path, name, _as_dict(stored), place)
        return ObjectNode(
            name=name,
            key=element.key,
            label=label,
            description=text_in(element.descriptions) or None,
            stored=stored,
            children=children,
            leftovers=leftovers,
        )

    def _single(
        self, element: FieldElement, field: Field, name: str, stored: Any, place: _Place, *, above: str
    ) -> Leaf | ObjectNode:
        """Build the node of a single value or of an array item, whose `name` ends with the row id."""
        common: dict[str, Any] = {
            "name": name,
            "key": field.key,
            "label": field.label(),
            "description": None if place.is_row else _description(field),
            "stored": stored,
            "is_locked": self._is_locked(field),
            "is_mandatory": field.is_mandatory and not place.is_row,
            "needs_approval": self._needs_approval(field) and not place.is_row and not place.is_in_asking,
        }
        if field.type is FieldType.OBJECT:
            inner = place.inside(asks=place.is_in_asking or self._needs_approval(field))
            children, leftovers = self._inside(element.elements, field.path, name, _as_dict(stored), inner)
            return ObjectNode(**common, children=children, leftovers=leftovers, is_in_row=place.is_row)
        initial = raw_of(field.type, None if stored is ABSENT else stored)
        sent = None if common["is_locked"] else place.text(name)
        return Leaf(
            **common,
            of=field,
            initial=initial,
            raw=initial if sent is None else sent,
            items=self.schema.lists.get(field.list_key or ""),
            choices_url=self.choices_url,
            parent=f"{above}.{field.hierarchy_field_key}" if field.hierarchy_field_key else "",
            is_in_row=place.is_row,
        )

    def _array(self, element: FieldElement, field: Field, name: str, stored: Any, place: _Place) -> ArrayNode:
        items: list[Any] = stored if isinstance(stored, list) else []
        is_locked = self._is_locked(field)
        ids = [str(index) for index in range(len(items))]
        of_rows = place.rows(asks=place.is_in_asking or self._needs_approval(field))
        if place.sent is not None and name in place.sent and not is_locked:
            sent = (str(row_id) for row_id in place.sent.getlist(name))
            ids = list(dict.fromkeys(row_id for row_id in sent if _ROW_ID.fullmatch(row_id)))
        placeholder = _PLACEHOLDER.format(place.depth)
        blank = None
        if not is_locked:
            blank = self._row(element, field, name, placeholder, ABSENT, of_rows.unsent(), number=0)
        rows = []
        for number, row_id in enumerate(ids, start=1):
            is_stored = _STORED_ROW.fullmatch(row_id) is not None and int(row_id) < len(items)
            item = items[int(row_id)] if is_stored else ABSENT
            rows.append(self._row(element, field, name, row_id, item, of_rows, number=number))
        return ArrayNode(
            name=name,
            key=field.key,
            label=field.label(),
            description=field.description(),
            stored=stored,
            is_locked=is_locked,
            is_mandatory=field.is_mandatory,
            needs_approval=self._needs_approval(field) and not place.is_in_asking,
            of=field,
            rows=rows,
            blank=blank,
            placeholder=placeholder,
        )

    def _row(
        self, element: FieldElement, field: Field, name: str, row_id: str, item: Any, place: _Place, *, number: int
    ) -> Row:
        row_name = f"{name}.{row_id}"
        node: Leaf | ObjectNode | Leftover
        if item is not ABSENT and (item is None or not _is_item_shown(field, item)):
            node = Leftover(
                name=row_name, key=row_id, label=field.label(), stored=item, above=name, is_named=True, is_row=True
            )
        else:
            node = self._single(element, field, row_name, item, place, above=name)
        is_dropped = node.is_blank and (item is ABSENT or node.is_changed)
        return Row(id=row_id, node=node, number=number, is_dropped=is_dropped)

    def _leftover(
        self,
        key: str,
        label: str,
        stored: Any,
        above: str,
        place: _Place,
        *,
        field: Field | None = None,
        is_named: bool = False,
    ) -> Leftover:
        removed = [] if place.sent is None else place.sent.getlist(f"{above}.{REMOVE}")
        return Leftover(
            name=f"{above}.{key}",
            key=key,
            label=label,
            stored=stored,
            above=above,
            is_removed=key in removed,
            is_named=is_named or field is not None,
            is_locked=field is not None and self._is_locked(field),
        )

    def _is_locked(self, field: Field) -> bool:
        return field.is_disabled or (self.is_for_member and field.is_read_only)

    def _needs_approval(self, field: Field) -> bool:
        return self.is_approval_marked and field.is_approval_required


class _Place:
    """Context of nodes: submitted data, array depth, and whether an enclosing field already requires approval."""

    def __init__(self, sent: Sent | None, *, depth: int = 0, is_row: bool = False, is_in_asking: bool = False) -> None:
        self.sent = sent
        self.depth = depth
        self.is_row = is_row
        self.is_in_asking = is_in_asking

    def inside(self, *, asks: bool) -> _Place:
        return _Place(self.sent, depth=self.depth, is_in_asking=asks)

    def rows(self, *, asks: bool) -> _Place:
        return _Place(self.sent, depth=self.depth + 1, is_row=True, is_in_asking=asks)

    def unsent(self) -> _Place:
        return _Place(None, depth=self.depth, is_row=self.is_row, is_in_asking=self.is_in_asking)

    def text(self, name: str) -> str | None:
        """Return the submitted text of a control; None if absent, in which case the stored value stays."""
        if self.sent is None or name not in self.sent:
            return None
        values = self.sent.getlist(name)
        return str(values[-1]) if values else None


def place_paths(node: Node, path: str) -> None:
    """Set each node's path in the resulting document. Dropped rows have no path and are not counted."""
    node.path = path
    if isinstance(node, ObjectNode):
        for part in node.parts:
            place_paths(part, f"{path}.{part.key}" if path else part.key)
    elif isinstance(node, ArrayNode):
        kept = (row for row in node.rows if not row.is_dropped)
        for index, row in enumerate(kept):
            place_paths(row.node, f"{path}[{index}]")


def fields_outside_arrays(node: Node) -> Iterator[DataNode]:
    """Yield the nodes that change as one value: controls, arrays and leftovers outside arrays."""
    for inner in node.inner():
        if isinstance(inner, Leaf | ArrayNode | Leftover):
            yield inner
        else:
            yield from fields_outside_arrays(inner)


def _is_shown(field: Field, stored: Any) -> bool:
    if stored is ABSENT or stored is None:
        return True
    return isinstance(stored, list) if field.is_array else _is_item_shown(field, stored)


def _is_item_shown(field: Field, stored: Any) -> bool:
    if field.type is FieldType.OBJECT:
        return isinstance(stored, dict)
    return is_shown_by_control(field.type, stored)


def _description(field: Field) -> str | None:
    described = field.description()
    if field.type is not FieldType.DATE_TIME:
        return described
    zone = _("Time zone: %(zone)s") % {"zone": get_current_timezone_name()}
    return f"{described} {zone}" if described else zone


def _is_object(stored: Any) -> bool:
    return stored is ABSENT or stored is None or isinstance(stored, dict)


def _as_dict(stored: Any) -> dict[str, Any]:
    return stored if isinstance(stored, dict) else {}
