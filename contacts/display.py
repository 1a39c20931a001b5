"""Details as people read them: labels for paths, names for list items, dates and numbers as the reader writes them.

Says what is to be shown and marks what differs; how it looks is the templates' matter. Nothing here is HTML.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from changerequests.presentation import Mark, Piece, Row, Shown, ShownChange
from core.documents import changes_between, is_same, value_at
from schemas.compiled import CompiledSchema
from schemas.definition.elements import GROUP, FieldType
from schemas.fields import Field, LayoutElement

# Texts of at least this many characters are compared word by word, as long as neither has too many of them.
COMPARED_BY_WORDS_FROM = 60
MOST_WORDS_COMPARED = 2_000
# Smaller numbers are as often years and scores as amounts: those are not grouped.
GROUPED_FROM = 10_000

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Box:
    """A section or a group of the form: a label and, in the form's order, rows and the boxes inside."""

    label: str
    entries: tuple["Row | Box", ...]

    @property
    def runs(self) -> list[tuple[bool, list["Row | Box"]]]:
        """The entries in order, rows that follow each other together: (whether they are rows, the entries)."""
        return [(are_rows, list(run)) for are_rows, run in groupby(self.entries, lambda entry: isinstance(entry, Row))]


# ---- values


def shown(schema: CompiledSchema, path: str, value: Any, mark: Mark = Mark.SAME) -> Shown:
    """The value at a path; takes any value, also one that does not follow the schema."""
    if value is None:
        return Shown()
    if isinstance(value, list):
        return Shown(items=tuple(shown(schema, path, item, mark) for item in value), mark=mark)
    if isinstance(value, dict):
        # The mark of the whole says it for every row.
        rows = (
            Row(_label(schema, path, key), shown(schema, f"{path}.{key}", value[key]))
            for key in _in_order(schema, path, value)
        )
        return Shown(rows=tuple(rows), mark=mark)
    return Shown(text=_text(schema, schema.fields.get(path), value), mark=mark)


def compared(schema: CompiledSchema, path: str, before: Any, after: Any) -> tuple[Shown, Shown]:
    """Both values at a path, with what differs marked: items of arrays, fields of objects, words of long texts."""
    if is_same(before, after):
        return shown(schema, path, before), shown(schema, path, after)
    if isinstance(before, list) and isinstance(after, list):
        return _compared_arrays(schema, path, before, after)
    if isinstance(before, dict) and isinstance(after, dict):
        return _compared_objects(schema, path, before, after)
    left, right = shown(schema, path, before, Mark.REMOVED), shown(schema, path, after, Mark.ADDED)
    if isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) >= COMPARED_BY_WORDS_FROM:
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
    """The keys of the objects at a path, in the schema's order; those that it does not name come last."""
    keys = dict.fromkeys(key for value in objects for key in value)
    known = [field.key for field in schema.fields.values() if field.path == f"{path}.{field.key}"]
    yield from (key for key in known if key in keys)
    yield from (key for key in keys if key not in known)


def _compared_arrays(schema: CompiledSchema, path: str, before: list[Any], after: list[Any]) -> tuple[Shown, Shown]:
    left: list[Shown] = []
    right: list[Shown] = []
    matcher = SequenceMatcher(a=_fingerprints(before), b=_fingerprints(after), autojunk=False)
    for operation, start, end, new_start, new_end in matcher.get_opcodes():
        gone, come = before[start:end], after[new_start:new_end]
        if operation == "equal":
            left += [shown(schema, path, item) for item in gone]
            right += [shown(schema, path, item) for item in come]
            continue
        # Objects in each other's place are taken for one that changed; a list item in another's place is another.
        while gone and come and isinstance(gone[0], dict) and isinstance(come[0], dict):
            old, new = _compared_objects(schema, path, gone.pop(0), come.pop(0))
            left.append(old)
            right.append(new)
        left += [shown(schema, path, item, Mark.REMOVED) for item in gone]
        right += [shown(schema, path, item, Mark.ADDED) for item in come]
    return Shown(items=tuple(left), mark=Mark.CHANGED), Shown(items=tuple(right), mark=Mark.CHANGED)


def _fingerprints(items: list[Any]) -> list[str]:
    return [json.dumps(item, sort_keys=True) for item in items]


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
    old, new = _WORDS.findall(left.text), _WORDS.findall(right.text)
    if max(len(old), len(new)) > MOST_WORDS_COMPARED:
        return left, right
    removed: list[Piece] = []
    added: list[Piece] = []
    for operation, start, end, new_start, new_end in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        is_same = operation == "equal"
        if start < end:
            removed.append(Piece("".join(old[start:end]), Mark.SAME if is_same else Mark.REMOVED))
        if new_start < new_end:
            added.append(Piece("".join(new[new_start:new_end]), Mark.SAME if is_same else Mark.ADDED))
    return (
        Shown(text=left.text, pieces=tuple(removed), mark=Mark.CHANGED),
        Shown(text=right.text, pieces=tuple(added), mark=Mark.CHANGED),
    )


# ---- places


def context_of(schema: CompiledSchema, path: str) -> str:
    """The labels of the section and the objects around a field: `Regulatory › Political exposure`."""
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
    """The paths as their fields follow each other on the form; those that the schema does not name come last."""
    order = {path: number for number, path in enumerate(schema.fields)}
    return sorted(paths, key=lambda path: (order.get(path, len(order)), path))


def field_labels(schema: CompiledSchema, paths: Iterable[str]) -> list[str]:
    """The labels of the fields among paths that come with everything above them, in the form's order."""
    known = set(paths)
    above = {path.rpartition(".")[0] for path in known}
    return [schema.label_at(path) for path in in_form_order(schema, known - above)]


def shown_changes(schema: CompiledSchema, changes: Iterable[Mapping[str, Any]]) -> list[ShownChange]:
    """The changes of a change set, as it stores them, in the form's order and with both values compared."""
    by_path = {change["path"]: change for change in changes}
    result = []
    for path in in_form_order(schema, by_path):
        before, after = compared(schema, path, by_path[path]["original"], by_path[path]["target"])
        result.append(ShownChange(path, schema.label_at(path), context_of(schema, path), before, after))
    return result


# ---- whole documents


def laid_out(schema: CompiledSchema, details: Mapping[str, Any]) -> list[Box]:
    """A document as its form shows it: sections and groups in order, every field, those without a value too.

    What the schema does not name comes last, in a box of its own.
    """
    boxes: list[Box] = []
    loose: list[Row] = []
    for entry in _entries(schema, details, ""):
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


def _entries(schema: CompiledSchema, details: Mapping[str, Any], layout_path: str) -> tuple[Row | Box, ...]:
    inner: list[tuple[int, Row | Box]] = [
        (field.order, Row(field.label(), shown(schema, field.path, value_at(details, field.path))))
        for field in schema.fields.values()
        if field.layout_path == layout_path
    ]
    inner += [
        (element.order, Box(element.label(), _entries(schema, details, element.path)))
        for element in schema.layout
        if (element.parent_path or "") == layout_path and not _is_object(element)
    ]
    return tuple(entry for _order, entry in sorted(inner, key=lambda ordered: ordered[0]))


def _is_object(element: LayoutElement) -> bool:
    return element.type == FieldType.OBJECT
