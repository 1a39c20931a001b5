"""Details for human readers: labels for paths, names for list items, localized dates and numbers.

Decides what to show and marks differences; the templates render it. Nothing here is HTML.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from changerequests.comparison import compared_words, is_long, matched_items
from changerequests.presentation import Mark, Row, Shown, ShownChange
from core.documents import changes_between, is_same, value_at
from schemas.compiled import CompiledSchema
from schemas.definition.elements import GROUP, FieldType
from schemas.fields import Field, LayoutElement

# Digits are grouped from here on: smaller numbers are as often years or scores as amounts.
GROUPED_FROM = 10_000


@dataclass(frozen=True, slots=True)
class Box:
    """A section or group of the form: a label, and its rows and nested boxes in form order."""

    label: str
    entries: tuple["Row | Box", ...]

    @property
    def runs(self) -> list[tuple[bool, list["Row | Box"]]]:
        """The entries in order, with consecutive rows grouped: (whether they are rows, the entries)."""
        return [(are_rows, list(run)) for are_rows, run in groupby(self.entries, lambda entry: isinstance(entry, Row))]


# ---- values


def shown(schema: CompiledSchema, path: str, value: Any, mark: Mark = Mark.SAME) -> Shown:
    """Return the value at a path for display; accepts any value, even one that violates the schema."""
    if value is None:
        return Shown()
    if isinstance(value, list):
        return Shown(items=tuple(shown(schema, path, item, mark) for item in value), mark=mark)
    if isinstance(value, dict):
        # The object's own mark covers its rows.
        rows = (
            Row(_label(schema, path, key), shown(schema, f"{path}.{key}", value[key]))
            for key in _in_order(schema, path, value)
        )
        return Shown(rows=tuple(rows), mark=mark)
    return Shown(text=_text(schema, schema.fields.get(path), value), mark=mark)


def compared(schema: CompiledSchema, path: str, before: Any, after: Any) -> tuple[Shown, Shown]:
    """Return both values with differences marked: items of arrays, fields of objects, words of long texts."""
    if is_same(before, after):
        return shown(schema, path, before), shown(schema, path, after)
    if isinstance(before, list) and isinstance(after, list):
        return _compared_arrays(schema, path, before, after)
    if isinstance(before, dict) and isinstance(after, dict):
        return _compared_objects(schema, path, before, after)
    left, right = shown(schema, path, before, Mark.REMOVED), shown(schema, path, after, Mark.ADDED)
    if isinstance(before, str) and isinstance(after, str) and is_long(before, after):
        return _compared_texts(left, right)
    return left, right


def _text(schema: CompiledSchema, field: Field | None, value: Any) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return str(number_format(value, use_l10n=True, force_grouping=abs(value) >= GROUPED_FROM))
    if field is None:
        return str(value)
    if field.list_key is not None and field.list_key in schema.lists:
        return schema.lists[field.list_key].name_of(value)
    if field.type is FieldType.DATE:
        return _date_text(value)
    if field.type is FieldType.DATE_TIME:
        return _moment_text(value)
    return str(value)


def _date_text(value: str) -> str:
    try:
        return date_format(date.fromisoformat(value), "DATE_FORMAT")
    except ValueError:
        return value


def _moment_text(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
        if timezone.is_aware(moment):
            moment = timezone.localtime(moment)
    except (ValueError, OverflowError):
        return value
    return f"{date_format(moment, 'DATETIME_FORMAT')} {moment.tzname() or ''}".rstrip()


def _label(schema: CompiledSchema, above: str, key: str) -> str:
    field = schema.fields.get(f"{above}.{key}")
    return field.label() if field else key


def _in_order(schema: CompiledSchema, path: str, *objects: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of the objects at a path in schema order, then the keys that the schema does not have."""
    keys = dict.fromkeys(key for value in objects for key in value)
    known = [field.key for field in schema.fields.values() if field.path == f"{path}.{field.key}"]
    yield from (key for key in known if key in keys)
    yield from (key for key in keys if key not in known)


def _compared_arrays(schema: CompiledSchema, path: str, before: list[Any], after: list[Any]) -> tuple[Shown, Shown]:
    matches = matched_items(before, after)
    left = [
        shown(schema, path, item, Mark.SAME if n in matches.same else Mark.REMOVED) for n, item in enumerate(before)
    ]
    kept = set(matches.same.values())
    right = [shown(schema, path, item, Mark.SAME if n in kept else Mark.ADDED) for n, item in enumerate(after)]
    for old, new in matches.changed.items():
        left[old], right[new] = compared(schema, path, before[old], after[new])
    return Shown(items=tuple(left), mark=Mark.CHANGED), Shown(items=tuple(right), mark=Mark.CHANGED)


def _compared_objects(
    schema: CompiledSchema, path: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[Shown, Shown]:
    left: list[Row] = []
    right: list[Row] = []
    for key in _in_order(schema, path, before, after):
        old, new = compared(schema, f"{path}.{key}", before.get(key), after.get(key))
        label = _label(schema, path, key)
        if key in before:
            left.append(Row(label, old))
        if key in after:
            right.append(Row(label, new))
    return Shown(rows=tuple(left), mark=Mark.CHANGED), Shown(rows=tuple(right), mark=Mark.CHANGED)


def _compared_texts(left: Shown, right: Shown) -> tuple[Shown, Shown]:
    old, new = compared_words(left.text, right.text)
    if not old and not new:
        return left, right
    return Shown(text=left.text, pieces=old, mark=Mark.CHANGED), Shown(text=right.text, pieces=new, mark=Mark.CHANGED)


# ---- places


def context_of(schema: CompiledSchema, path: str) -> str:
    """Return the labels of the section and objects around a field: `Regulatory › Political exposure`."""
    field = schema.field_at(path)
    elements = {element.path: element for element in schema.layout}
    labels: list[str] = []
    place = field.layout_path if field else None
    while place:
        element = elements[place]
        if element.type != GROUP:
            labels.append(element.label())
        place = element.parent_path
    return " › ".join(reversed(labels))


def in_form_order(schema: CompiledSchema, paths: Iterable[str]) -> list[str]:
    """Sort the paths in form order, those that are not in the schema last."""
    order = {path: number for number, path in enumerate(schema.fields)}
    return sorted(paths, key=lambda path: (order.get(path, len(order)), path))


def field_labels(schema: CompiledSchema, paths: Iterable[str]) -> list[str]:
    """Return the labels of the innermost paths in form order; `paths` includes every ancestor."""
    known = set(paths)
    above = {path.rpartition(".")[0] for path in known}
    return [schema.label_at(path) for path in in_form_order(schema, known - above)]


def shown_changes(schema: CompiledSchema, changes: Iterable[Mapping[str, Any]]) -> list[ShownChange]:
    """Return an entry's stored changes in form order, with both values compared."""
    by_path = {change["path"]: change for change in changes}
    result = []
    for path in in_form_order(schema, by_path):
        before, after = compared(schema, path, by_path[path]["original"], by_path[path]["target"])
        result.append(ShownChange(path, schema.label_at(path), context_of(schema, path), before, after))
    return result


# ---- whole documents


def laid_out(
    schema: CompiledSchema, details: Mapping[str, Any], *, pending: Mapping[str, str] | None = None
) -> list[Box]:
    """Lay a document out like its form: sections and groups in order, with every field, even without a value.

    `pending` has addresses that wait for their owners to confirm them, by path. Values that are not in the schema come
    last, in a box of their own.
    """
    boxes: list[Box] = []
    loose: list[Row] = []
    for entry in _entries(schema, details, "", pending or {}):
        if isinstance(entry, Box):
            boxes.append(entry)
        else:
            loose.append(entry)
    if loose:
        boxes.insert(0, Box(_("General"), tuple(loose)))
    unnamed = [change for change in changes_between({}, details) if schema.field_at(change.path) is None]
    if unnamed:
        rows = tuple(Row(change.path, shown(schema, change.path, change.target)) for change in unnamed)
        boxes.append(Box(_("No longer in the schema"), rows))
    return boxes


def _entries(
    schema: CompiledSchema, details: Mapping[str, Any], layout_path: str, pending: Mapping[str, str]
) -> tuple[Row | Box, ...]:
    inner: list[tuple[int, Row | Box]] = [
        (
            field.order,
            Row(
                field.label(),
                shown(schema, field.path, value_at(details, field.path)),
                pending=pending.get(field.path, ""),
            ),
        )
        for field in schema.fields.values()
        if field.layout_path == layout_path
    ]
    inner += [
        (element.order, Box(element.label(), _entries(schema, details, element.path, pending)))
        for element in schema.layout
        if (element.parent_path or "") == layout_path and not _is_object(element)
    ]
    return tuple(entry for _order, entry in sorted(inner, key=lambda ordered: ordered[0]))


def _is_object(element: LayoutElement) -> bool:
    return element.type == FieldType.OBJECT
