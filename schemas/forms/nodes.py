"""The form as a tree that parallels the document: stored value, control and faults of each place.

A node combines the stored value with the data submitted under its name. A name is the path, with a row id after each
array. The id of a stored row is its index; new rows have other ids. The order of submitted ids is the order of the
rows, so moving a row renames nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, ClassVar

from django.utils.safestring import SafeString

from core.documents import is_same
from schemas.fields import Field
from schemas.forms.values import is_same_text, value_of
from schemas.forms.widgets import widget_of
from schemas.lists import ListData

MAX_SHOWN = 2_000
# Name of the control that removes a leftover value. Field keys cannot start with an exclamation mark.
REMOVE = "!remove"


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()


@dataclass(kw_only=True)
class Node:
    """A place on the form. `path` is its path in the resulting document, or None."""

    kind: ClassVar[str]
    name: str
    label: str
    description: str | None = None
    errors: list[str] = field(default_factory=list)
    path: str | None = None

    @property
    def html_id(self) -> str:
        return f"id_{self.name}"

    @property
    def template(self) -> str:
        return f"admin/schemas/form/{self.kind}.html"

    @property
    def is_wide(self) -> bool:
        return True

    @property
    def is_control(self) -> bool:
        """Whether the node is a single control with a label, rather than a box."""
        return False

    def inner(self) -> Sequence[Node]:
        return ()

    def walk(self) -> Iterator[Node]:
        yield self
        for node in self.inner():
            yield from node.walk()


@dataclass(kw_only=True)
class DataNode(Node):
    """A node with a value. `stored` is ABSENT if nothing is stored."""

    key: str
    stored: Any = ABSENT
    is_locked: bool = False
    is_mandatory: bool = False
    needs_approval: bool = False
    # Shown next to the input if somebody else has changed the stored value in the meantime.
    notice: str = ""

    @property
    def value(self) -> Any:
        """The resulting value, or ABSENT. Untouched nodes return the stored value."""
        raise NotImplementedError

    @property
    def is_changed(self) -> bool:
        value = self.value
        if value is ABSENT or self.stored is ABSENT:
            return value is not self.stored
        return not is_same(value, self.stored)


@dataclass(kw_only=True)
class Leaf(DataNode):
    """A control for a single value."""

    kind = "leaf"
    of: Field
    raw: str
    initial: str
    items: ListData | None
    choices_url: str
    parent: str
    is_in_row: bool = False

    @property
    def value(self) -> Any:
        if self.is_locked or is_same_text(self.of.type, self.raw, self.initial):
            return self.stored
        value = value_of(self.of.type, self.raw)
        return ABSENT if value is None else value

    @property
    def is_blank(self) -> bool:
        return not self.raw.strip()

    @property
    def is_control(self) -> bool:
        return True

    @property
    def is_wide(self) -> bool:
        return "rows" in self.widget.attrs

    @cached_property
    def widget(self) -> Any:
        return widget_of(self.of, self.raw, items=self.items, choices_url=self.choices_url, parent=self.parent)

    @property
    def control(self) -> SafeString:
        described = [
            f"{self.html_id}_{suffix}"
            for suffix, is_there in (
                ("help", self.description),
                ("notice", self.notice),
                ("error", self.errors),
            )
            if is_there
        ]
        attributes: dict[str, Any] = {"id": self.html_id}
        if described:
            attributes["aria-describedby"] = " ".join(described)
        if self.errors:
            attributes["aria-invalid"] = "true"
        if self.is_locked:
            attributes["disabled"] = True
        elif self.is_mandatory:
            attributes["aria-required"] = "true"
        return SafeString(self.widget.render(self.name, self.raw, attributes))


@dataclass(kw_only=True)
class Leftover(DataNode):
    """A value that the form cannot show or the schema does not define. Stays unless the user removes it."""

    kind = "leftover"
    above: str
    is_removed: bool = False
    is_named: bool = False
    is_row: bool = False

    @property
    def value(self) -> Any:
        return ABSENT if self.is_removed and not self.is_locked else self.stored

    @property
    def is_blank(self) -> bool:
        return False

    @property
    def html_id(self) -> str:
        return f"id_{self.above}.{REMOVE}.{self.key}"

    @property
    def remove_name(self) -> str:
        return f"{self.above}.{REMOVE}"

    @property
    def text(self) -> str:
        text = self.stored if isinstance(self.stored, str) else json.dumps(self.stored, ensure_ascii=False)
        return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


@dataclass(kw_only=True)
class GroupBox(Node):
    """A box around fields of the enclosing object."""

    kind = "box"
    children: list[Node]

    def inner(self) -> Sequence[Node]:
        return self.children

    @property
    def runs(self) -> list[tuple[bool, list[Node]]]:
        return runs_of(self.children)


@dataclass(kw_only=True)
class ObjectNode(DataNode):
    """A section, a single object field or an object row, with its children in form order."""

    kind = "box"
    is_in_row: bool = False
    children: list[Node]
    leftovers: list[Leftover]

    def inner(self) -> Sequence[Node]:
        return [*self.children, *self.leftovers]

    @property
    def runs(self) -> list[tuple[bool, list[Node]]]:
        return runs_of(self.inner())

    @property
    def parts(self) -> list[DataNode]:
        """The object's values, including those inside group boxes."""
        return [*_parts(self.children), *self.leftovers]

    @property
    def value(self) -> Any:
        changed = {part.key: part.value for part in self.parts if part.is_changed}
        if not changed:
            return self.stored
        made = {**(self.stored if isinstance(self.stored, dict) else {}), **changed}
        made = {key: value for key, value in made.items() if value is not ABSENT}
        return made if made or self.is_in_row else ABSENT

    @property
    def is_blank(self) -> bool:
        return not self.leftovers and all(part.value is ABSENT for part in self.parts)


@dataclass(kw_only=True)
class Row:
    """An item of an array. `is_dropped` if it is empty, so that it is left out of the result."""

    id: str
    node: Leaf | ObjectNode | Leftover
    number: int
    is_dropped: bool = False

    @property
    def is_simple(self) -> bool:
        return not isinstance(self.node, ObjectNode)


@dataclass(kw_only=True)
class ArrayNode(DataNode):
    """An array, whose rows can be added, removed and moved. `blank` is the template for new rows."""

    kind = "array"
    of: Field
    rows: list[Row]
    blank: Row | None
    placeholder: str

    @property
    def value(self) -> Any:
        if self.is_locked:
            return self.stored
        items = [row.node.value for row in self.rows if not row.is_dropped]
        if items:
            return items
        return ABSENT if isinstance(self.stored, list) and self.stored else self.stored

    def inner(self) -> Sequence[Node]:
        return [row.node for row in self.rows]

    @property
    def is_simple(self) -> bool:
        return all(row.is_simple for row in (*self.rows, *([self.blank] if self.blank else [])))


def runs_of(nodes: Sequence[Node]) -> list[tuple[bool, list[Node]]]:
    """Group consecutive nodes into runs of controls and runs of boxes, as (is a run of controls, nodes)."""
    return [(are_controls, list(run)) for are_controls, run in groupby(nodes, lambda node: node.is_control)]


def _parts(nodes: Sequence[Node]) -> Iterator[DataNode]:
    for node in nodes:
        if isinstance(node, GroupBox):
            yield from _parts(node.children)
        elif isinstance(node, DataNode):
            yield node
