"""System checks of what the build has to bring."""

from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage, Error

ALPINE = "unfold/js/alpine/alpine.js"


def check_alpine(**options: Any) -> list[CheckMessage]:
    """Report that the build of Alpine for our content security policy is missing: unfold's own would be served.

    No page of the admin would work then, and nothing else would say why.
    """
    found = finders.find(ALPINE)
    if found and Path(found).is_relative_to(apps.get_app_config("core").path):
        return []
    remedy = "Run `make run`, which fetches it, or python -m release.scripts."
    return [Error("The admin's build of Alpine is missing.", hint=remedy, id="kontor.E001")]
