"""The open request about a contact's details, beside the form that edits them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from accounts.actor import Actor
from accounts.admin_actor import actor_of
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest
from changerequests.presentation import ReviewedChange
from changerequests.queries.requests import open_request_of
from changerequests.queries.revisions import proposals_of
from contacts.models import CONTACT_DETAILS, Contact
from core.documents import with_values


@dataclass(frozen=True, slots=True)
class WhatWaits:
    """An open request with its changes. `is_own`: the user asked for it, and may change it."""

    request: ChangeRequest
    changes: list[ReviewedChange]
    is_own: bool

    def is_amended_by(self, change_request_id: Any) -> bool:
        """Return whether the user amends this request with the form that names a request by this id."""
        return self.is_own and str(change_request_id) == str(self.request.pk)

    @property
    def paths(self) -> Collection[str]:
        return [change.path for change in self.changes]


def what_waits(request: HttpRequest, contact: Contact) -> WhatWaits | None:
    """Return the open request about a contact's details, or None."""
    asked = open_request_of(kind=CONTACT_DETAILS, subject_id=contact.pk)
    if asked is None:
        return None
    presenter = request_kind(CONTACT_DETAILS).presenter()
    changes = presenter.reviewed_changes(_proposed(asked, contact), document=contact.details, is_open=True)
    actor = actor_of(request)
    return WhatWaits(asked, changes, is_own=actor is not None and asked.is_asked_by(actor))


def own_open_request(actor: Actor, contact: Contact, change_request_id: Any) -> ChangeRequest | None:
    """Return the actor's open request about the details, if it is the one with this id."""
    if not change_request_id:
        return None
    found = open_request_of(kind=CONTACT_DETAILS, subject_id=contact.pk)
    if found is None or str(change_request_id) != str(found.pk) or not found.is_asked_by(actor):
        return None
    return found


def amended_document(contact: Contact, asked: ChangeRequest) -> Mapping[str, Any]:
    """Return the details with what the request asks for."""
    return with_values(contact.details, {change["path"]: change["target"] for change in _proposed(asked, contact)})


def _proposed(asked: ChangeRequest, contact: Contact) -> list[dict[str, Any]]:
    return proposals_of(asked)[contact.pk]
