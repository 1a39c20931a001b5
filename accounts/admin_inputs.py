"""Inputs of admin forms that show odd values again instead of failing on them: no ids, numbers of 5,000 digits."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.widgets import AutocompleteMixin, AutocompleteSelect, AutocompleteSelectMultiple
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, ManyToManyField
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.forms import PaginationInlineFormSet


class _Autocomplete(AutocompleteMixin):
    """Looks only for values that can be ids, to show what they name. The field says that the others are none."""

    def optgroups(self, name: str, value: Iterable[Any], attr: Any = None) -> Any:
        key = self.field.remote_field.model._meta.pk
        return super().optgroups(name, [one for one in value if _is_key(key, one)], attr)


class PickOne(_Autocomplete, AutocompleteSelect):
    pass


class PickSome(_Autocomplete, AutocompleteSelectMultiple):
    pass


def _is_key(column: Any, value: Any) -> bool:
    try:
        column.to_python(value)
    except ValidationError:
        return False
    return True


class PickingForms:
    """Gives the fields in `autocomplete_fields` these widgets; for admins and inlines."""

    def formfield_for_foreignkey(self: Any, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", PickOne(db_field, self.admin_site, using=kwargs.get("using")))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self: Any, db_field: ManyToManyField, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", PickSome(db_field, self.admin_site, using=kwargs.get("using")))
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


class PagedFormSet(PaginationInlineFormSet):
    def get_page_num(self) -> int:
        try:
            number: int = super().get_page_num()
        except ValueError:
            return 1
        return number


class PagedInline(PickingForms, TabularInline):
    """An inline with pages of rows."""

    formset = PagedFormSet
