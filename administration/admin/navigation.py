"""The admin's sidebar: daily work first, then every other registered model that the user may view."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

WORK = ("changerequests.ChangeRequest", "contacts.Contact")
ICONS = {
    "accounts.ClientApplication": "key",
    "accounts.Member": "badge",
    "accounts.Participant": "domain",
    "accounts.User": "person",
    "auth.Group": "group",
    "changerequests.ChangeRequest": "rule",
    "contactgroups.ContactGroup": "groups",
    "contacts.Contact": "contacts",
    "importexport.ExportJob": "download",
    "importexport.ImportJob": "upload_file",
    "legalentities.LegalEntity": "business",
    "schemas.List": "list",
    "schemas.ListItem": "format_list_bulleted",
    "schemas.Schema": "schema",
    "schemas.SchemaVersion": "history",
}


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """Return Unfold's groups of links. Django has already removed what the user may not view."""
    apps = [
        (app["name"], {_label(model): _item(model) for model in app["models"]})
        for app in admin.site.get_app_list(request)
    ]
    items = {label: item for _name, models in apps for label, item in models.items()}
    groups: list[dict[str, Any]] = [{"items": [items[label] for label in WORK if label in items]}]
    for name, models in apps:
        others = [item for label, item in models.items() if label not in WORK]
        if others:
            groups.append({"title": name, "separator": True, "items": others})
    return groups


def _label(model: dict[str, Any]) -> str:
    return f"{model['model']._meta.app_label}.{model['object_name']}"


def _item(model: dict[str, Any]) -> dict[str, Any]:
    return {"title": model["name"], "icon": ICONS.get(_label(model), "table_rows"), "link": model["admin_url"]}
