"""An initiator, a reviewer and their change requests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.actor import member_actor
from accounts.models import Member
from changerequests.models import ChangeRequest
from contacts.models import Contact
from contacts.services.changes import patch_details
from tests.changerequests.reviewing import NEW_NAME


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """An empty folder in which attached files are stored."""
    default = {"BACKEND": "core.storage.WholeFilesStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    return tmp_path


@pytest.fixture
def anna(make_member: Callable[..., Member]) -> Member:
    """A member who submits changes."""
    return make_member("anna", permissions=["view_contact", "view_changerequest", "change_contact_details"])


@pytest.fixture
def rita(make_member: Callable[..., Member]) -> Member:
    """A reviewer who sees all contacts."""
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def contact(make_contact: Callable[..., Contact], anna: Member) -> Contact:
    return make_contact(members=[anna])


@pytest.fixture
def ask(anna: Member) -> Callable[..., ChangeRequest]:
    def make(contact: Contact, patch: dict[str, Any] = NEW_NAME, comment: str | None = None) -> ChangeRequest:
        """Submit a patch as anna; return its change request."""
        submission = patch_details(actor=member_actor(anna), contact_id=contact.pk, patch=patch, comment=comment)
        assert submission.change_request is not None
        return submission.change_request

    return make


@pytest.fixture
def asked(contact: Contact, ask: Callable[..., ChangeRequest]) -> ChangeRequest:
    return ask(contact, comment="As on the passport")
