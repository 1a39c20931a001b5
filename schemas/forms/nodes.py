"""The form as a tree beside the document: what is stored at each place, what its control shows, what is wrong there.

A node is made from the stored value and, when the form was sent, from what was sent under its name. A name is the
path with the id of a row after each array. A row that is stored has its index as its id, a new one any other, and the
rows stand in the order in which their ids were sent: so moving one renames nothing.
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
# The control that takes a value out which the form cannot show; no key of a field begins like that.
REMOVE = "!remove"


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()


@dataclass(kw_only=True)
class Node:
    """A place on the form. `path` is its place in the document that would be sent, None where it has none."""

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
        """Whether it is one control with a label, and no box around others."""
        return False

    def inner(self) -> Sequence[Node]:
        return ()

    def walk(self) -> Iterator[Node]:
        yield self
        for node in self.inner():
            yield from node.walk()


@dataclass(kw_only=True)
class DataNode(Node):
    """A place with a value. `stored` is ABSENT where there is none."""

    key: str
    stored: Any = ABSENT
    is_locked: bool = False
    is_mandatory: bool = False
    needs_approval: bool = False
    # Beside what somebody typed, where somebody else has changed the value meanwhile.
    notice: str = ""

    @property
    def value(self) -> Any:
        """What the document gets here; ABSENT where nothing is. What was left alone is what is stored."""
        raise NotImplementedError

    @property
    def is_changed(self) -> bool:
        value = self.value
        if value is ABSENT or self.stored is ABSENT:
            return value is not self.stored
        return not is_same(value, self.stored)


@dataclass(kw_only=True)
class Leaf(DataNode):
    """A control for one value."""

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
    """A value that the form cannot show, or that the schema does not name: it stays, unless it is taken out."""

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
    """A box around fields of the object that it stands in."""

    kind = "box"
    children: list[Node]

    def inner(self) -> Sequence[Node]:
        return self.children

    @property
    def runs(self) -> list[tuple[bool, list[Node]]]:
        return runs_of(self.children)


@dataclass(kw_only=True)
class ObjectNode(DataNode):
    """A section, a single object or the object of a row: what stands in it, in the order of the form."""

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
        """The values that it holds, whatever box they are drawn in."""
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
    """One item of an array. `is_dropped` when nothing was filled in."""

    id: str
    node: Leaf | ObjectNode | Leftover
    number: int
    is_dropped: bool = False

    @property
    def is_simple(self) -> bool:
        return not isinstance(self.node, ObjectNode)


@dataclass(kw_only=True)
class ArrayNode(DataNode):
    """Rows that can be added, removed and moved; `blank` is what a new one is made of."""

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
    """The nodes in order, controls that follow each other together: (whether they are controls, the nodes)."""
    return [(are_controls, list(run)) for are_controls, run in groupby(nodes, lambda node: node.is_control)]


def _parts(nodes: Sequence[Node]) -> Iterator[DataNode]:
    for node in nodes:
        if isinstance(node, GroupBox):
            yield from _parts(node.children)
        elif isinstance(node, DataNode):
            yield node
