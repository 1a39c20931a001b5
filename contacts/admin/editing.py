"""The admin page that edits a contact's details, with a form derived from the schema."""

from dataclasses import dataclass
from functools import reduce
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.admin_actor import VisibleToActorAdmin
from audit.models import Entry
from audit.queries import entries_since
from changerequests.admin.messages import waiting_message
from changerequests.models import ChangeRequest
from changerequests.services.withdrawing import amend_change_request
from contacts.admin.amending import amended_document, own_open_request, what_waits
from contacts.admin.base import address_of, check_permission, contact_page, opened
from contacts.display import field_labels, shown_changes
from contacts.models import CONTACT_DETAILS, CONTACT_SCHEMA, ChannelKind, Contact
from contacts.permissions import MAY_CHANGE_DETAILS
from contacts.queries.details import pending_addresses
from contacts.services.changes import Submission, patch_details
from core.errors import ApiError, PreconditionFailed
from schemas.compiled import CompiledSchema
from schemas.forms import DetailsForm
from schemas.queries import current_schema

USERNAME_FAULTS = frozenset({"UsernameNotUnique", "UsernameRequired"})


class SubmissionForm(forms.Form):
    """The version that the user read, the request that it amends, if any, and a comment for the reviewer."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    amend = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"class": "kf-input", "rows": 3, "cols": False}),
        help_text=_("For whoever reviews the change; kept in the history."),
    )


@dataclass(frozen=True, slots=True)
class Page:
    """The content of the edit page: the forms and, after a failed submission, the error and the others' changes."""

    details: DetailsForm
    submission: SubmissionForm
    error: ApiError | None = None
    entries: tuple[Entry, ...] = ()


def edit_page(admin: Any, request: HttpRequest, contact_id: int) -> HttpResponse:
    """Render the form; on POST, submit the change. Requires `contacts.change_contact_details`."""
    actor, contact = opened(admin, request, contact_id)
    check_permission(request, MAY_CHANGE_DETAILS)
    if contact.anonymized_at is not None:
        messages.warning(request, gettext("The contact was anonymized and cannot be changed any more."))
        return HttpResponseRedirect(address_of(contact.pk))
    schema = current_schema(CONTACT_SCHEMA)
    if request.method != "POST":
        amended = own_open_request(actor, contact, request.GET.get("amend"))
        document = contact.details if amended is None else amended_document(contact, amended)
        form = DetailsForm(schema, document, choices_url=admin.choices_url())
        return _drawn(admin, request, contact, schema, Page(form, _fresh(contact, amended)))
    submission_form = SubmissionForm(request.POST)
    submission_form.is_valid()
    read = submission_form.cleaned_data.get("version")
    if read is None or read > contact.version:
        raise SuspiciousOperation("no such version")
    if read < contact.version:
        return _overtaken(admin, request, actor, contact, schema, submission_form, read)
    form = DetailsForm(schema, contact.details, request.POST, choices_url=admin.choices_url())
    if not submission_form.is_valid():
        return _drawn(admin, request, contact, schema, Page(form, submission_form), HTTPStatus.UNPROCESSABLE_ENTITY)

    comment = submission_form.cleaned_data["comment"] or None
    amended = own_open_request(actor, contact, submission_form.cleaned_data["amend"])
    try:
        if amended is not None:
            amend_change_request(actor=actor, change_request_id=amended.pk, document=form.patch, comment=comment)
            return _tell_amended(request, amended)
        submission = patch_details(
            actor=actor, contact_id=contact.pk, patch=form.patch, comment=comment, versions=[read]
        )
    except PreconditionFailed:
        _actor, contact = opened(admin, request, contact_id)
        return _overtaken(admin, request, actor, contact, schema, submission_form, read)
    except ApiError as error:
        form.add_faults(_faults(error, schema))
        return _drawn(admin, request, contact, schema, Page(form, submission_form, error), error.status)
    _tell(request, schema, form, submission)
    return HttpResponseRedirect(address_of(contact.pk))


def _fresh(contact: Contact, amended: ChangeRequest | None = None, comment: str = "") -> SubmissionForm:
    initial = {"version": contact.version, "amend": amended and amended.pk, "comment": comment}
    return SubmissionForm(initial=initial)


def _overtaken(
    admin: Any,
    request: HttpRequest,
    actor: Actor,
    contact: Contact,
    schema: CompiledSchema,
    sent: SubmissionForm,
    read: int,
) -> HttpResponse:
    """Render the form again on top of what others changed meanwhile. Submits nothing and loses no input."""
    later = entries_since(kind=CONTACT_DETAILS, subject_id=contact.pk, after=read, until=contact.version)
    before = reduce(lambda document, entry: entry.undone(document), later, contact.details)
    form = DetailsForm(schema, before, request.POST, choices_url=admin.choices_url())
    page = Page(
        form.rebased(contact.details),
        _fresh(contact, own_open_request(actor, contact, sent.data.get("amend")), sent.data.get("comment", "")),
        PreconditionFailed(),
        tuple(later),
    )
    return _drawn(admin, request, contact, schema, page, HTTPStatus.PRECONDITION_FAILED)


def _drawn(
    admin: VisibleToActorAdmin,
    request: HttpRequest,
    contact: Contact,
    schema: CompiledSchema,
    page: Page,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    error = page.error
    pending = None
    if error is not None and error.sub_code == "PendingChangeRequestExists":
        pending = (error.properties or {})["changeRequestId"][0]
    for path, address in pending_addresses(contact).items():
        page.details.note(
            [path], gettext("%(value)s takes its place once its owner has confirmed it.") % {"value": address}
        )
    waiting = what_waits(request, contact)
    if waiting is not None:
        page.details.note(waiting.paths, gettext("A change of this waits for review."))
    return contact_page(
        admin,
        request,
        contact,
        tab="edit",
        template="admin/contacts/contact/edit.html",
        status=status,
        media=admin.media + page.details.media,
        form=page.details,
        submission=page.submission,
        error=error,
        waiting=waiting,
        is_amending=waiting is not None and waiting.is_amended_by(page.submission["amend"].value()),
        pending_id=pending,
        meanwhile=[(entry, shown_changes(schema, entry.changes)) for entry in page.entries],
    )


def _faults(error: ApiError, schema: CompiledSchema) -> dict[str, Any]:
    """Return an error's messages by path. Errors about the username go to the email that it follows."""
    if error.sub_code in ("ValidationFailed", "FieldNotUpdatable"):
        return dict(error.properties or {})
    email = schema.channel_paths[ChannelKind.EMAIL]
    if error.sub_code in USERNAME_FAULTS and email is not None:
        return {email: [str(error)]}
    return {}


def _tell_amended(request: HttpRequest, asked: ChangeRequest) -> HttpResponse:
    """Redirect to the request with a message that says what it asks for now."""
    text = gettext("Request #{} asks for what you entered, and waits for review again.")
    messages.success(request, format_html(text, asked.pk))
    return HttpResponseRedirect(reverse("admin:changerequests_changerequest_change", args=[asked.pk]))


def _tell(request: HttpRequest, schema: CompiledSchema, form: DetailsForm, submission: Submission) -> None:
    """Add messages that report the outcome."""
    asked = submission.change_request
    if asked is not None:
        labels = field_labels(schema, submission.waiting_paths)
        messages.warning(request, waiting_message(request, asked.pk, labels))
        return
    waiting = [node.label for node in form.changed if node.path in schema.verified_paths and node.value]
    if submission.entry_id is not None:
        messages.success(request, gettext("The changes are made."))
    elif not waiting:
        messages.info(request, gettext("Nothing was changed: everything is as it was."))
    if waiting and (submission.entry_id is not None or form.has_changed()):
        text = gettext("Its owner has to confirm the new value before it takes effect: {}.")
        messages.info(request, format_html(text, ", ".join(waiting)))
