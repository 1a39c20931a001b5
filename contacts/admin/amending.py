"""The open request about somebody's details beside the form that edits them: a contact's, or a legal entity's."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.admin_actor import actor_of
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest
from changerequests.presentation import ReviewedChange
from changerequests.queries.requests import open_request_of
from changerequests.queries.revisions import proposals_of
from changerequests.services.withdrawing import amend_change_request
from core.documents import with_values
from schemas.forms import DetailsForm


class SubmissionForm(forms.Form):
    """The version that the user read, the request that it amends, if any, and a comment for the reviewer."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    amend = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"class": "kf-input", "rows": 3, "cols": False}),
        help_text=_("For those who review the change; kept in the history."),
    )


def fresh_submission(row: Any, amended: ChangeRequest | None = None, comment: str = "") -> SubmissionForm:
    """Return the form for the present version of a row with details."""
    return SubmissionForm(initial={"version": row.version, "amend": amended and amended.pk, "comment": comment})


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


def what_waits(request: HttpRequest, row: Any, *, kind: str) -> WhatWaits | None:
    """Return the open request of a kind about the details of a row, or None."""
    asked = open_request_of(kind=kind, subject_id=row.pk)
    if asked is None:
        return None
    presenter = request_kind(kind).presenter()
    changes = presenter.reviewed_changes(_proposed(asked), document=row.details, is_open=True)
    actor = actor_of(request)
    return WhatWaits(asked, changes, is_own=actor is not None and asked.is_asked_by(actor))


def waiting_context(
    request: HttpRequest, row: Any, *, kind: str, details: DetailsForm, submission: SubmissionForm
) -> dict[str, Any]:
    """Mark the fields of the form whose change waits; return the context of `includes/what_waits.html`."""
    waiting = what_waits(request, row, kind=kind)
    if waiting is not None:
        details.note(waiting.paths, gettext("A change of this field is pending review."))
    return {
        "waiting": waiting,
        "is_amending": waiting is not None and waiting.is_amended_by(submission["amend"].value()),
    }


def own_open_request(actor: Actor, row: Any, change_request_id: Any, *, kind: str) -> ChangeRequest | None:
    """Return the actor's open request about the details of a row, if it is the one with this id."""
    if not change_request_id:
        return None
    found = open_request_of(kind=kind, subject_id=row.pk)
    if found is None or str(change_request_id) != str(found.pk) or not found.is_asked_by(actor):
        return None
    return found


def amended_details(row: Any, asked: ChangeRequest | None) -> Mapping[str, Any]:
    """Return the details of a row with what the request asks for, if there is one."""
    if asked is None:
        details: Mapping[str, Any] = row.details
        return details
    return with_values(row.details, {change["path"]: change["target"] for change in _proposed(asked)})


def amend(
    request: HttpRequest, asked: ChangeRequest, *, actor: Actor, document: Mapping[str, Any], comment: str | None
) -> HttpResponse:
    """Amend the request, and redirect to it with a message that says what it asks for now."""
    amend_change_request(actor=actor, change_request_id=asked.pk, document=document, comment=comment)
    text = gettext("Request #{} now contains what you entered, and is pending review again.")
    messages.success(request, format_html(text, asked.pk))
    return HttpResponseRedirect(reverse("admin:changerequests_changerequest_change", args=[asked.pk]))


def _proposed(asked: ChangeRequest) -> list[dict[str, Any]]:
    return proposals_of(asked)[asked.subject_id or 0]
