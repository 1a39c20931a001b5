"""The form of a document, built from any schema. Returns the document with the user's input applied."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
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
    """A fault as listed at the top of the form, with the id of its control."""

    label: str
    message: str
    html_id: str


class DetailsForm:
    """A form for documents of a schema. Rendered by `admin/schemas/form/form.html` as `form`.

    `document` is the stored document, `data` the submitted data (`request.POST`). Values that are not shown, locked or
    not submitted stay as stored, and untouched values round-trip exactly. The form does not validate: the service that
    receives `target` or `patch` does, and `add_faults` assigns its messages to fields. `is_for_member` locks read-only
    fields; `is_approval_marked` marks fields that require approval. `choices_url` is the URL of the list item lookup
    (`ListChoicesMixin`), up to the list key.
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

    # ---- input

    @property
    def is_bound(self) -> bool:
        return self.data is not None

    @property
    def target(self) -> dict[str, Any]:
        """The document with the input applied."""
        value = self.root.value
        return {} if value is ABSENT else value

    @property
    def patch(self) -> dict[str, Any]:
        """The JSON merge patch (RFC 7396) that turns the document into `target`."""
        return _patch(self.document, self.target)

    @property
    def changed(self) -> list[DataNode]:
        """The nodes outside arrays whose value was changed. An array is one node."""
        return [node for node in fields_outside_arrays(self.root) if node.is_changed]

    def has_changed(self) -> bool:
        return bool(self.changed)

    # ---- faults

    def add_faults(self, properties: Mapping[str, Sequence[Any]] | None) -> None:
        """Add messages to the fields at their paths, such as `addresses[0].city`; others go to the top of the form."""
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
        """All field faults, in form order."""
        return [
            SummedUp(label=node.label, message=message, html_id=node.html_id)
            for node in _in_order(self.root)
            for message in node.errors
        ]

    def note(self, paths: Collection[str], text: str) -> None:
        """Add a notice to the fields at these paths that have none."""
        for node in fields_outside_arrays(self.root):
            if node.path in paths and not node.notice:
                node.notice = text

    # ---- concurrent changes

    def rebased(self, document: Mapping[str, Any]) -> DetailsForm:
        """Return a form with the same input on a newer document. Untouched fields show the newly stored values.

        Fields that were changed on both sides keep the input and get a notice.
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
                node.notice = _("Somebody else has changed this in the meantime. What you enter here replaces it.")
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

    # ---- rendering

    @cached_property
    def boxes(self) -> list[Node]:
        """The boxes of the form. Fields at the root come first, in a box of their own."""
        loose = [node for node in self.root.inner() if not isinstance(node, ObjectNode | GroupBox)]
        boxed: list[Node] = [node for node in self.root.inner() if isinstance(node, ObjectNode | GroupBox)]
        if not loose:
            return boxed
        return [GroupBox(name=f"{self.prefix}.", label=_("General"), children=loose), *boxed]


def _in_order(node: Node) -> Iterator[Node]:
    return (inner for inner in node.walk() if inner.errors)


def _nearest(places: Mapping[str, Node], path: str) -> Node | None:
    """Return the node at a path, or its nearest ancestor, or None."""
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
    """Copy the submitted data of a changed field to `kept`, with row ids that fit the newly stored value."""
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
    """Map row ids to ids that fit the newly stored array. A row whose stored item is gone becomes a new row."""
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
