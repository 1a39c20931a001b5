"""Import and export of contacts with django-import-export."""

import json
from typing import Any

from import_export import fields, resources, widgets

from benchmarks.stock.models import Contact
from benchmarks.stock.serializers import VALIDATOR


class ContactResource(resources.ModelResource):
    """Imports entries by external id. The details are one JSON cell, validated against the schema."""

    details = fields.Field(attribute="details", column_name="details", widget=widgets.JSONWidget())

    class Meta:
        model = Contact
        fields = ["username", "external_id", "details"]
        import_id_fields = ["external_id"]
        use_bulk = False
        skip_unchanged = True
        report_skipped = False

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        faults = [error.message for error in VALIDATOR.iter_errors(json.loads(row["details"]))]
        if faults:
            raise ValueError("; ".join(faults))


def export_resource(paths: list[str]) -> resources.ModelResource:
    """Return a resource that exports the details at each path as a column."""
    columns = {path: fields.Field(attribute="details__" + path.replace(".", "__"), column_name=path) for path in paths}
    meta = type("Meta", (), {"model": Contact, "fields": list(columns)})

    def dehydrate(path: str) -> Any:
        keys = path.split(".")

        def value(_self: Any, contact: Contact) -> Any:
            found: Any = contact.details
            for key in keys:
                found = found.get(key) if isinstance(found, dict) else None
            return found

        return value

    methods = {f"dehydrate_{path}": dehydrate(path) for path in paths}
    return type("ExportResource", (resources.ModelResource,), {**columns, **methods, "Meta": meta})()
