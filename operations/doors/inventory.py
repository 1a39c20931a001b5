"""The doors that the code has: operations, admin pages and actions, commands and tasks."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from celery import current_app
from django.apps import apps
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.core.management import get_commands
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Member, User
from accounts.views import ActorView

# Where the project's own apps are: also in an installation they are beside no others.
_ROOT = Path(__file__).resolve().parents[2]
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_PARAMETER = re.compile(r"<(?:[^:>]+:)?([^>]+)>")
# Pages of Django's admin that only read, on every model.
READING_PAGES = ("_history", "_changelist")
# By the name of its page: the permission that Django asks for.
PERMISSIONS = {"_add": "has_add_permission", "_change": "has_change_permission", "_delete": "has_delete_permission"}


def operations() -> set[str]:
    """Return the operations outside the admin that may write: `POST /v1.0/contacts`."""
    found = set()
    for route, pattern in _patterns(get_resolver().url_patterns):
        if route.startswith("admin/"):
            continue
        view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
        for method in _methods(view):
            found.add(f"{method} /{_readable(route)}")
    return found


def member_permissions() -> Iterator[tuple[str, str]]:
    """Yield each operation for which members need a permission, and the permission."""
    for route, pattern in _patterns(get_resolver().url_patterns):
        view = getattr(pattern.callback, "cls", None)
        if view is not None and issubclass(view, ActorView):
            for method, access in view.access.items():
                if access.member_permission is not None:
                    yield f"{method} /{_readable(route)}", access.member_permission


def _methods(view: Any) -> set[str]:
    if view is None:
        # A function does not say what it accepts.
        return {"POST"}
    if issubclass(view, ActorView):
        return set(view.access) - SAFE_METHODS
    return {name.upper() for name in view.http_method_names if hasattr(view, name)} - SAFE_METHODS


def _readable(route: str) -> str:
    """Return a route with its parameters as OpenAPI writes them."""
    return _PARAMETER.sub(r"{\1}", route)


def admin_pages() -> set[str]:
    """Return the names of the admin's pages that a superuser may send something to, and its actions."""
    request = _superuser_request()
    found = set()
    for model, model_admin in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        closed = {
            f"{name}{page}"
            for page, permission in PERMISSIONS.items()
            if not getattr(model_admin, permission)(request) and not _replaces(model_admin, page)
        }
        closed |= {f"{name}{page}" for page in READING_PAGES}
        found |= {str(url.name) for url in model_admin.get_urls() if getattr(url, "name", None)} - closed
        found |= {f"{name}: {action}" for action in model_admin.get_actions(request)}
    return found | _site_pages()


def _site_pages() -> set[str]:
    """Return the pages of the admin that belong to no model."""
    of_models = {url.name for model_admin in admin.site._registry.values() for url in model_admin.get_urls()}
    return {
        str(pattern.name)
        for route, pattern in _patterns(get_resolver().url_patterns)
        if route.startswith("admin/") and pattern.name and pattern.name not in of_models
    }


def _replaces(model_admin: ModelAdmin, page: str) -> bool:
    """Return whether an admin has a view of its own for a page, which may write whatever Django's permission says."""
    view = f"{page.removeprefix('_')}_view"
    return getattr(type(model_admin), view).__module__.partition(".")[0] not in ("django", "unfold", "accounts")


def _superuser_request() -> HttpRequest:
    request = HttpRequest()
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    Member(user=request.user)
    return request


def commands() -> set[str]:
    """Return the commands of the project's own apps and, for others, `app: *`."""
    own = {config.name for config in apps.get_app_configs() if Path(config.path).parent == _ROOT}
    return {name if app.partition(".")[0] in own else f"{app}: *" for name, app in get_commands().items()}


def tasks() -> set[str]:
    """Return the names of the tasks that a worker runs."""
    current_app.loader.import_default_modules()
    return {name for name in current_app.tasks if not name.startswith("celery.")}


def _patterns(patterns: Any, above: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = f"{above}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, route)
        else:
            yield route, pattern
