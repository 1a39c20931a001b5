"""The form of a document: made from any schema, it gives back a document that follows what was filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.forms import Media
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from core.documents import is_same
from schemas.compiled import CompiledSchema
from schemas.forms.building import Builder, Sent, fields_outside_arrays
from schemas.forms.nodes import ABSENT, ArrayNode, DataNode, GroupBox, Leaf, Leftover, Node, ObjectNode

_LAST_STEP = re.compile(r"(\.[^.\[]*|\[[0-9]+\])$")


@dataclass(frozen=True, slots=True)
class SummedUp:
    """A fault as the head of the form tells it, with the control that it is about."""

    label: str
    message: str
    html_id: str


class DetailsForm:
    """The form of a schema's documents; `admin/schemas/form/form.html` draws it as `form`.

    `document` is what is stored, `data` what was sent (`request.POST`). What the form does not show, what nobody may
    change and what was not sent stays as it is stored, and what was left alone gives back exactly what is stored.
    Nothing is validated here: the service that takes `target` or `patch` does that, and `add_faults` puts what it
    refuses at the fields. `is_for_member` locks read-only fields; with `is_approval_marked` those that require approval
    say so. `choices_url` is the address of the endpoint that looks up items of lists (`ListChoicesMixin`), up to the
    list's key.
    """

    template_name = "admin/schemas/form/form.html"
    media = Media(css={"all": ["schemas/form.css"]}, js=["schemas/form_choices.js", "schemas/form_rows.js"])

    def __init__(
        self,
        schema: CompiledSchema,
        document: Mapping[str, Any] | None = None,
        data: Sent | None = None,
        *,
        prefix: str = "details",
        is_for_member: bool = True,
        is_approval_marked: bool = True,
        choices_url: str = "",
    ) -> None:
        self.schema = schema
        self.document = dict(document or {})
        self.data = data
        self.prefix = prefix
        self.is_for_member = is_for_member
        self.is_approval_marked = is_approval_marked
        self.choices_url = choices_url
        self.errors: list[str] = []
        builder = Builder(
            schema,
            prefix=prefix,
            sent=data,
            is_for_member=is_for_member,
            is_approval_marked=is_approval_marked,
            choices_url=choices_url,
        )
        self.root = builder.root(self.document)

    # ---- what was filled in

    @property
    def is_bound(self) -> bool:
        return self.data is not None

    @property
    def target(self) -> dict[str, Any]:
        """The document with what was filled in."""
        value = self.root.value
        return {} if value is ABSENT else value

    @property
    def patch(self) -> dict[str, Any]:
        """What changes the document into `target`, as RFC 7396 has it: arrays whole, null removes."""
        return _patch(self.document, self.target)

    @property
    def changed(self) -> list[DataNode]:
        """The fields, as far as they change as one value each, that somebody has changed."""
        return [node for node in fields_outside_arrays(self.root) if node.is_changed]

    def has_changed(self) -> bool:
        return bool(self.changed)

    # ---- what is wrong with it

    def add_faults(self, properties: Mapping[str, Sequence[Any]] | None) -> None:
        """Put messages at the fields at their paths, `addresses[0].city`; those of no field stand at the head."""
        places = {node.path: node for node in self.root.walk() if node.path}
        for path, messages in (properties or {}).items():
            node = _nearest(places, path)
            texts = [str(message) for message in messages]
            if node is None:
                label = self.schema.label_at(path) if path else ""
                self.errors += [f"{label}: {text}" if label else text for text in texts]
            else:
                node.errors += texts

    @property
    def summary(self) -> list[SummedUp]:
        """Every fault of a field, in the order of the form."""
        return [
            SummedUp(label=node.label, message=message, html_id=node.html_id)
            for node in _in_order(self.root)
            for message in node.errors
        ]

    # ---- what others have done meanwhile

    def rebased(self, document: Mapping[str, Any]) -> DetailsForm:
        """The same input over a document that is newer: what was not touched shows what is stored now.

        A field that was changed here and there keeps what was entered, and says so.
        """
        fresh = self._over(document, None)
        stored_now = {node.name: node.stored for node in fields_outside_arrays(fresh.root)}
        kept: MultiValueDict[str, Any] = MultiValueDict()
        for node in self.changed:
            _keep(kept, self.data, node, stored_now.get(node.name, ABSENT))
        form = self._over(document, kept)
        was = {node.name: node.stored for node in self.changed}
        for node in fields_outside_arrays(form.root):
            if node.name in was and not _is_same(was[node.name], node.stored):
                node.notice = _("Somebody else has changed this meanwhile. What stands here replaces it.")
        return form

    def _over(self, document: Mapping[str, Any], data: Sent | None) -> DetailsForm:
        return DetailsForm(
            self.schema,
            document,
            data,
            prefix=self.prefix,
            is_for_member=self.is_for_member,
            is_approval_marked=self.is_approval_marked,
            choices_url=self.choices_url,
        )

    # ---- what the template asks for

    @cached_property
    def boxes(self) -> list[Node]:
        """The boxes of the form: what stands at the root outside of any comes first, in one of its own."""
        loose = [node for node in self.root.inner() if not isinstance(node, ObjectNode | GroupBox)]
        boxed: list[Node] = [node for node in self.root.inner() if isinstance(node, ObjectNode | GroupBox)]
        if not loose:
            return boxed
        return [GroupBox(name=f"{self.prefix}.", label=_("General"), children=loose), *boxed]


def _in_order(node: Node) -> Iterator[Node]:
    return (inner for inner in node.walk() if inner.errors)


def _nearest(places: Mapping[str, Node], path: str) -> Node | None:
    """The node at a path, or around it."""
    while path:
        if path in places:
            return places[path]
        shorter = _LAST_STEP.sub("", path)
        path = shorter if shorter != path else ""
    return None


def _patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    patch: dict[str, Any] = {}
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            inner = _patch(old, new)
            if inner:
                patch[key] = inner
        elif key not in after:
            patch[key] = None
        elif key not in before or not is_same(old, new):
            patch[key] = new
    return patch


def _is_same(one: Any, other: Any) -> bool:
    if one is ABSENT or other is ABSENT:
        return one is other
    return is_same(one, other)


def _keep(kept: MultiValueDict[str, Any], sent: Any, node: DataNode, stored_now: Any) -> None:
    """Take over what was sent for a field into what is sent anew over another document."""
    if isinstance(node, Leaf):
        kept[node.name] = node.raw
    elif isinstance(node, Leftover):
        kept.appendlist(node.remove_name, node.key)
    elif isinstance(node, ArrayNode):
        ids = _new_row_ids(node, stored_now)
        kept.setlist(node.name, ["", *ids.values()])
        for name in sent:
            row_id, dot, rest = name.removeprefix(f"{node.name}.").partition(".")
            if name.startswith(f"{node.name}.") and row_id in ids:
                kept.setlist(f"{node.name}.{ids[row_id]}{dot}{rest}", sent.getlist(name))


def _new_row_ids(node: ArrayNode, stored_now: Any) -> dict[str, str]:
    """Row id -> the id of the same row over what is stored now; a row that is no longer there becomes a new one."""
    left = dict(enumerate(stored_now)) if isinstance(stored_now, list) else {}
    ids = {}
    for number, row in enumerate(node.rows):
        found = next((index for index, item in left.items() if _is_same(item, row.node.stored)), None)
        if found is None:
            ids[row.id] = f"r{number}"
        else:
            del left[found]
            ids[row.id] = str(found)
    return ids
