"""The admin's sidebar: daily work first, then every other registered model that the user may view."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin_actor import CappedAdmin


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """Return Unfold's groups of links. Django has already removed what the user may not view."""
    work: dict[int, dict[str, Any]] = {}
    groups: list[dict[str, Any]] = []
    for app in admin.site.get_app_list(request):
        others = []
        for model in app["models"]:
            model_admin: Any = admin.site.get_model_admin(model["model"])
            icon = getattr(model_admin, "sidebar_icon", CappedAdmin.sidebar_icon)
            title = getattr(model_admin, "sidebar_title", "") or model["name"]
            item = {"title": title, "icon": icon, "link": model["admin_url"]}
            place = getattr(model_admin, "daily_work", None)
            if place is None:
                others.append(item)
            else:
                work[place] = item
        if others:
            groups.append({"title": app["name"], "separator": True, "items": others})
    return [{"items": [work[place] for place in sorted(work)]}, *groups]
