"""The admin page that edits a contact's details, with a form derived from the schema."""

from dataclasses import dataclass
from functools import reduce
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.translation import gettext

from accounts.actor import Actor
from accounts.admin_actor import VisibleToActorAdmin
from audit.models import Entry
from audit.queries import entries_since
from changerequests.admin.messages import waiting_message
from contacts.admin.amending import (
    SubmissionForm,
    amend,
    amended_details,
    fresh_submission,
    own_open_request,
    waiting_context,
)
from contacts.admin.base import address_of, check_permission, contact_page, opened
from contacts.admin.duplicates import (
    Answer,
    DuplicatesFound,
    duplicates_page,
    is_way_back,
    sent_form,
    settle_duplicates,
)
from contacts.display import field_labels, shown_changes
from contacts.duplicates import contact_written, lock_contacts, wait_for_similar
from contacts.models import CONTACT_DETAILS, CONTACT_SCHEMA, ChannelKind, Contact
from contacts.permissions import MAY_CHANGE_DETAILS
from contacts.queries.details import pending_addresses
from contacts.services.changes import Submission, patch_details
from core.errors import ApiError, PreconditionFailed
from schemas.compiled import CompiledSchema
from schemas.forms import DetailsForm
from schemas.queries import current_schema

USERNAME_FAULTS = frozenset({"UsernameNotUnique", "UsernameRequired"})


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
        amended = own_open_request(actor, contact, request.GET.get("amend"), kind=CONTACT_DETAILS)
        form = DetailsForm(schema, amended_details(contact, amended), choices_url=admin.choices_url())
        return _drawn(admin, request, contact, schema, Page(form, fresh_submission(contact, amended)))
    typed, answer = sent_form(request)
    submission_form = SubmissionForm(typed)
    submission_form.is_valid()
    read = submission_form.cleaned_data.get("version")
    if read is None or read > contact.version:
        raise SuspiciousOperation("no such version")
    if read < contact.version:
        return _overtaken(admin, request, actor, contact, schema, submission_form, read)
    form = DetailsForm(schema, contact.details, typed, choices_url=admin.choices_url())
    if is_way_back(request):
        return _drawn(admin, request, contact, schema, Page(form, submission_form))
    if not submission_form.is_valid():
        return _drawn(admin, request, contact, schema, Page(form, submission_form), HTTPStatus.UNPROCESSABLE_ENTITY)

    comment = submission_form.cleaned_data["comment"] or None
    amended = own_open_request(actor, contact, submission_form.cleaned_data["amend"], kind=CONTACT_DETAILS)
    try:
        if amended is not None:
            return amend(request, amended, actor=actor, document=form.patch, comment=comment)
        submission = _submit(actor, contact, form, comment=comment, version=read, answer=answer)
    except DuplicatesFound as duplicates:
        return _ask(admin, request, contact, form, duplicates, answer)
    except PreconditionFailed:
        _actor, contact = opened(admin, request, contact_id)
        return _overtaken(admin, request, actor, contact, schema, submission_form, read)
    except ApiError as error:
        form.add_faults(_faults(error, schema))
        return _drawn(admin, request, contact, schema, Page(form, submission_form, error), error.status)
    _tell(request, schema, form, submission)
    return HttpResponseRedirect(address_of(contact.pk))


@transaction.atomic
def _submit(
    actor: Actor, contact: Contact, form: DetailsForm, *, comment: str | None, version: int, answer: Answer
) -> Submission:
    """Submit the change. Raises what the service raises, and DuplicatesFound.

    Waits for others who write somebody similar, and has them wait. Locks the contacts that the answer is about, with
    the contact that changes, in the order of their ids.
    """
    wait_for_similar(form.target)
    if answer.seen:
        lock_contacts(actor=actor, contact_ids={contact.pk, *answer.seen})
    submission = patch_details(
        actor=actor, contact_id=contact.pk, patch=form.patch, comment=comment, versions=[version]
    )
    settle_duplicates(actor=actor, details=form.target, contact_id=contact.pk, before=contact.details, answer=answer)
    if submission.entry_id is not None:
        contact_written(contact.pk)
    return submission


def _ask(
    admin: Any,
    request: HttpRequest,
    contact: Contact,
    form: DetailsForm,
    duplicates: DuplicatesFound,
    answer: Answer,
) -> HttpResponse:
    return duplicates_page(
        admin,
        request,
        schema=form.schema,
        details=form.target,
        found=duplicates.found,
        answer=answer,
        context={
            "nothing_done": gettext("Nothing was changed yet."),
            "typed_label": gettext("%(name)s after the change") % {"name": contact},
            "go_on": gettext("Not the same person: submit the change"),
            "leave": address_of(contact.pk),
        },
    )


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
    amended = own_open_request(actor, contact, sent.data.get("amend"), kind=CONTACT_DETAILS)
    page = Page(
        form.rebased(contact.details),
        fresh_submission(contact, amended, sent.data.get("comment", "")),
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
            [path], gettext("%(value)s replaces it once the owner has confirmed it.") % {"value": address}
        )
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
        **waiting_context(request, contact, kind=CONTACT_DETAILS, details=page.details, submission=page.submission),
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
