"""Entries and storage for the tests of imports and exports."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures import details


@pytest.fixture
def entry(contact_type: Any) -> Callable[..., dict[str, Any]]:
    """Return an entry of an import file, by default of a new contact."""

    def make(external_id: str = "E-1", **properties: Any) -> dict[str, Any]:
        username = f"user-{external_id}"
        given = {"externalId": external_id, "contactTypeId": contact_type.pk, "username": username}
        return {**given, "details": details(), **properties}

    return make


@pytest.fixture(autouse=True)
def storage_directory(settings: Any, tmp_path: Any) -> Any:
    """Use a separate directory per test as the default storage."""
    directory = tmp_path / "files"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(directory)},
        },
    }
    return directory
