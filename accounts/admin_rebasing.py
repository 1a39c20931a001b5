"""Admin forms that overwrite nothing unseen: each carries the values that it was opened on.

If somebody else has saved meanwhile, a form saves nothing. It comes back with 412, rebased on the newer values: what
the user did not touch has the newer value, what both changed keeps the input with the newer value beside it, and of
lists both the additions and the removals count. Saving it again takes effect.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib.admin.utils import unquote
from django.core import signing
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from accounts.admin_inputs import PickingForms
from core.errors import map_lock_errors

# The hidden control of `templates/admin/change_form.html`. Signed so that only what a page has sent is read.
OPENED_ON = "opened_on"
UNREADABLE = object()
NO_VALUE = "–"

# The values of a form, by field.
Values = dict[str, Any]


def opening(values: Mapping[str, Values]) -> str:
    """Return the text by which a page says what its forms were opened on."""
    return signing.dumps(values, salt=OPENED_ON, compress=True)


def opened_on(data: Mapping[str, Any]) -> Mapping[str, Values] | None:
    """Return what the submitted forms were opened on; None if the page did not say."""
    try:
        found: Mapping[str, Values] = signing.loads(data.get(OPENED_ON) or "", salt=OPENED_ON)
    except signing.BadSignature:
        return None
    return found


def _key(form: Any) -> str:
    """Return the key of a form in the values of a page: the row's id for one of a formset, which may move."""
    return f"{form.prefix.rpartition('-')[0]}/{form.instance.pk}" if form.prefix else ""


def _values(form: Any) -> Values:
    """Return the values that a form has without its input: those in the database."""
    values = {name: _comparable(field, form[name].initial) for name, field in form.fields.items() if not field.disabled}
    found: Values = json.loads(json.dumps(values, cls=DjangoJSONEncoder))
    return found


def _comparable(field: forms.Field, value: Any) -> Any:
    """Return a value as JSON can hold it, the same for what is stored and for what was sent."""
    if _is_many(field):
        return sorted((_key_of(one) for one in value or ()), key=str)
    return None if value == "" else _key_of(value)


def _key_of(value: Any) -> Any:
    return value.pk if isinstance(value, Model) else value


def _is_many(field: forms.Field) -> bool:
    return isinstance(field, forms.ModelMultipleChoiceField | forms.MultipleChoiceField)


class RebasedForm(forms.BaseForm):
    """A form of a row that is invalid, and rebased, if the row has changed since the form was opened."""

    is_overtaken = False

    def full_clean(self) -> None:
        super().full_clean()
        if not self.is_bound or self.instance.pk is None:  # type: ignore[attr-defined] # of a ModelForm
            return
        pages = opened_on(self.data)
        opened, now = {} if pages is None else pages.get(_key(self), {}), _values(self)
        changed = [name for name in now if name in opened and opened[name] != now[name]]
        if pages is None:
            self._say_overtaken(_("The form does not say what it was opened on."))
        elif changed:
            text = _("Somebody else has saved this since you opened the form.")
            self._say_overtaken(text, *self._rebased(changed, opened, now))

    def _say_overtaken(self, *notes: Any) -> None:
        self.is_overtaken = True
        what_next = _("Nothing was saved. Your input is still here: look at it and save again.")
        self.add_error(None, [*notes, what_next])

    def _rebased(self, changed: Iterable[str], opened: Values, now: Values) -> Iterator[str]:
        """Put newer values into what was sent; yield what has changed, in words."""
        data: Any = copy(self.data)
        for name in changed:
            field, sent, before, after = self.fields[name], self._sent(name), opened[name], now[name]
            yield _("%(field)s: %(difference)s.") % {
                "field": self[name].label,
                "difference": _difference(field, before, after),
            }
            if sent is not UNREADABLE and _is_many(field):
                kept = [one for one in after if one in sent or one not in before]
                _put(data, self.add_prefix(name), field, [*kept, *(one for one in sent if one not in [*before, *kept])])
            elif sent == before:
                _put(data, self.add_prefix(name), field, after)
            elif sent != after:
                text = _("Somebody else has changed this to: %(value)s")
                self.add_error(name, text % {"value": _shown(field, after)})
        self.data = data

    def _sent(self, name: str) -> Any:
        try:
            sent = _comparable(self.fields[name], self.fields[name].clean(self[name].data))
        except forms.ValidationError:
            return UNREADABLE
        return json.loads(json.dumps(sent, cls=DjangoJSONEncoder))


class RebasedFormSet(forms.BaseFormSet):
    """Rows of a form's page that are saved and deleted only as they were when it was opened."""

    def clean(self) -> None:
        super().clean()
        rows: list[Any] = self.initial_forms
        if any(row.instance.pk is None for row in rows):
            raise forms.ValidationError(_("Somebody else has removed one of these rows. Open the page again."))
        # A row that is to be deleted is not validated any more.
        if any(row.is_overtaken for row in rows):
            raise forms.ValidationError(_("Somebody else has changed one of these rows. Look at it and save again."))


def _put(data: Any, name: str, field: forms.Field, value: Any) -> None:
    """Put a value into a QueryDict, as a browser would send it."""
    if _is_many(field):
        data.setlist(name, [str(one) for one in value])
    elif value is False or value is None:
        data.pop(name, None)
    else:
        data[name] = "on" if value is True else str(field.prepare_value(value))


def _difference(field: forms.Field, before: Any, after: Any) -> str:
    """Return in words how a value has changed; of lists what was added and removed."""
    if not _is_many(field):
        return f"{_shown(field, before)} → {_shown(field, after)}"
    parts = {
        _("added"): [one for one in after if one not in before],
        _("removed"): [one for one in before if one not in after],
    }
    return "; ".join(f"{word}: {_shown(field, found)}" for word, found in parts.items() if found)


def _shown(field: Any, value: Any) -> str:
    """Return a value as the form's choices call it."""
    values = value if isinstance(value, list) else [value]
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(field, forms.ModelChoiceField) and field.queryset is not None:
        rows = field.queryset.model._default_manager.filter(pk__in=[one for one in values if one is not None])
        names = [str(field.label_from_instance(row)) for row in rows]
    else:
        choices = {str(key): str(label) for key, label in getattr(field, "choices", ())}
        names = [choices.get(str(one), str(one)) for one in values if one is not None]
    return ", ".join(names) or NO_VALUE


class RebasingAdmin(PickingForms, ModelAdmin):
    """Forms of existing rows, with their inlines, that overwrite nothing unseen."""

    def lock(self, request: HttpRequest, obj: Model) -> None:
        """Lock what a form is about, in the order of the services, so that it is as the form compares it.

        Raises HeldByOthers.
        """
        with map_lock_errors():
            type(obj)._default_manager.select_for_update(of=("self",)).filter(pk=obj.pk).values_list("pk").first()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "POST" or object_id is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            obj = self.get_object(request, unquote(object_id))
            if obj is not None and self.has_change_permission(request, obj):
                self.lock(request, obj)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return _of(RebasedForm, form) if change else form

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Any = None) -> Iterator[tuple[Any, Any]]:
        for formset, inline in super().get_formsets_with_inlines(request, obj):
            if obj is None:
                yield formset, inline
            else:
                yield _of(RebasedFormSet, formset, form=_of(RebasedForm, formset.form)), inline

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        formsets = [inline.formset for inline in context["inline_admin_formsets"]]
        forms_shown = [context["adminform"].form, *(row for formset in formsets for row in formset.initial_forms)]
        values = {_key(form): _values(form) for form in forms_shown if form.instance.pk is not None}
        context[OPENED_ON] = opening(values)
        answer = super().render_change_form(request, context, *args, **kwargs)
        if any(getattr(form, "is_overtaken", False) for form in forms_shown):
            answer.status_code = HTTPStatus.PRECONDITION_FAILED
        return answer


def _of(mixin: type, base: Any, **attributes: Any) -> Any:
    """Return a class like `base` that has a mixin."""
    return type(base.__name__, (mixin, base), attributes)
