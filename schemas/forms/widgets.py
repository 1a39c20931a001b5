"""The Django widget for each field."""

from __future__ import annotations

from typing import Any

from django.forms import Select, Textarea, TextInput, Widget
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from schemas.definition.elements import MAX_FIELD_LENGTH, FieldType
from schemas.fields import Field
from schemas.forms.values import NO, YES, is_date_text, is_moment_text
from schemas.lists import ListData

# Up to this many items a list is a plain select; longer ones become a combobox with lookup.
MOST_OPTIONS = 25
# Multi-line texts with a higher maximum length get a taller textarea.
SHORT_NOTE = 500
# Shown where nothing is chosen.
NOTHING = "—"

_INPUT_TYPES = {
    FieldType.MOBILE: "tel",
    FieldType.PHONE: "tel",
    FieldType.URL: "url",
}
# Not of type email: browsers would send an international domain as its xn-- form, a change that nobody made.
_INPUT_MODES = {FieldType.EMAIL: "email", FieldType.INTEGER: "numeric", FieldType.DECIMAL: "decimal"}


def widget_of(field: Field, raw: str, *, items: ListData | None, choices_url: str, parent: str) -> Widget:
    """Return the widget for a field that shows `raw`. `parent` is the name of the parent field's control, if any."""
    match field.type:
        case FieldType.LIST:
            return _list_widget(field, raw, items=items, choices_url=choices_url, parent=parent)
        case FieldType.BOOLEAN:
            options = [("", NOTHING), (YES, _("Yes")), (NO, _("No"))]
            return Select(attrs={"class": "kf-input"}, choices=_with(raw, options))
        case FieldType.MULTILINE_TEXT:
            rows = 6 if (field.max_length or MAX_FIELD_LENGTH) > SHORT_NOTE else 3
            return Textarea(attrs={"class": "kf-input", "rows": rows, "cols": False})
        case FieldType.DATE if is_date_text(raw):
            return _input("date")
        case FieldType.DATE_TIME if is_moment_text(raw):
            return _input("datetime-local", step="any")
    if "\n" in raw or "\r" in raw:
        # A single-line input would lose the line breaks.
        return Textarea(attrs={"class": "kf-input", "rows": 2, "cols": False})
    mode = _INPUT_MODES.get(field.type)
    return _input(_INPUT_TYPES.get(field.type, "text"), **({"inputmode": mode} if mode else {}))


def _input(kind: str, **attributes: Any) -> Widget:
    widget = TextInput(attrs={"class": "kf-input", "autocomplete": "off", **attributes})
    widget.input_type = kind
    return widget


def _list_widget(field: Field, raw: str, *, items: ListData | None, choices_url: str, parent: str) -> Widget:
    shown = items.sorted_items(get_language() or "") if items else []
    if len(shown) <= MOST_OPTIONS and not parent:
        options = [("", NOTHING), *((item.key, item.name()) for item in shown)]
        return Select(attrs={"class": "kf-input"}, choices=_with(raw, options))
    # Only the chosen item; the script looks up the others.
    chosen = [(raw, items.name_of(raw) if items else raw)] if raw else []
    attributes = {
        "class": "kf-input",
        "data-kf-choices": f"{choices_url}{field.list_key}/" if choices_url else "",
        **({"data-kf-parent": parent} if parent else {}),
    }
    return Select(attrs=attributes, choices=[("", NOTHING), *chosen])


def _with(raw: str, options: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Add `raw` if it is not among the options, so that validation reports it instead of the browser dropping it."""
    return options if any(raw == key for key, _name in options) else [*options, (raw, raw)]
