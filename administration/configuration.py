"""What is configured: each sort of it is a class, which the app that owns its rows registers in its `apps.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject

from core.text import in_one_form, line_faults

if TYPE_CHECKING:
    from django.db.models import Model
    from django.utils.functional import Promise

CONFIGURATION = "configuration"


class ConfigurationSort:
    """One sort of configuration: the rows of a model, with the columns of each as its document.

    In requests and in the ledger each path begins with the sort, as in `participant.name`.
    """

    key: str
    label: str | Promise
    model: type[Model]
    # The column and the label of each property.
    columns: Mapping[str, str]
    labels: Mapping[str, str | Promise]
    # The property that people know a row by, and whether no two rows share it.
    title = "name"
    is_title_unique = True

    def permission(self, action: str) -> str:
        """Return the permission to `view`, `add` or `change` rows of this sort."""
        return f"{self.model._meta.app_label}.{action}_{self.model._meta.model_name}"

    def called(self, document: Mapping[str, Any]) -> str:
        """Return what people know a row with this document by."""
        return str(document[self.title])

    def document(self) -> Subquery:
        """Return the document of the row that a subject refers to, as an expression over the subject."""
        rows = self.model._default_manager.filter(pk=OuterRef("object_id"))
        return Subquery(rows.values(found=JSONObject(**self.columns)))

    def checked(self, row: Model, target: Mapping[str, Any]) -> dict[str, Any]:
        """Write properties to a row without saving it, and return all of them in their one form.

        Raises ValidationError with the faults by column.
        """
        texts = in_one_form(dict(target))
        faults = {name: line_faults(text, most=len(text)) for name, text in texts.items() if isinstance(text, str)}
        if any(faults.values()):
            raise ValidationError({self.columns[name]: found for name, found in faults.items() if found})
        for name, value in texts.items():
            setattr(row, self.columns[name], value)
        row.full_clean()
        return {name: _as_json(getattr(row, column)) for name, column in self.columns.items()}


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


_sorts: dict[str, ConfigurationSort] = {}


def register_sort(sort: ConfigurationSort) -> None:
    """Register a sort. Raises ValueError if another one has its key."""
    if sort.key in _sorts:
        raise ValueError(f"{sort.key} is registered already")
    _sorts[sort.key] = sort


def sort_of(key: str) -> ConfigurationSort:
    """Return the sort. Raises KeyError for an unknown one."""
    return _sorts[key]


def all_sorts() -> list[ConfigurationSort]:
    return list(_sorts.values())
