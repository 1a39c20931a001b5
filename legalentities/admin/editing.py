"""Admin pages that create a legal entity and edit its details, with forms built from the schema."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.admin_actor import actor_of
from accounts.admin_inputs import PickSome
from audit.models import Entry
from audit.queries import entries_since
from changerequests.admin.messages import may_see_requests, waiting_message
from changerequests.models import ChangeRequest
from changerequests.queries.policies import binding_policy
from contactgroups.models import ACCESS_POLICIES, GroupMembership
from contactgroups.services import Membership
from contacts.admin.amending import (
    SubmissionForm,
    amend,
    amended_details,
    fresh_submission,
    own_open_request,
    waiting_context,
)
from contacts.display import field_labels, shown_changes
from contacts.models import Contact
from core.errors import ApiError, PreconditionFailed
from legalentities.models import LEGAL_ENTITY_CREATION, LEGAL_ENTITY_DETAILS, LEGAL_ENTITY_SCHEMA, LegalEntity
from legalentities.permissions import MAY_CHANGE
from legalentities.services import create_legal_entity, replace_details
from schemas.compiled import CompiledSchema
from schemas.forms import DetailsForm
from schemas.queries import current_schema, list_data

MOST_CONTACTS = 50
# Sub code of an error -> form field.
FIELDS = {"ExternalIdNotUnique": "external_id", "ContactsRequired": "contacts"}


class NewLegalEntityForm(forms.Form):
    """The properties of a new legal entity besides its details: external id and the contacts of its group."""

    contacts = forms.ModelMultipleChoiceField(label=_("Contacts"), queryset=Contact.objects.none(), required=False)
    policy = forms.TypedChoiceField(
        label=_("Access of these contacts"), coerce=int, widget=forms.Select(attrs={"class": "kf-input"})
    )
    external_id = forms.CharField(
        label=_("External id"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"class": "kf-input", "autocomplete": "off"}),
        help_text=_("What another system calls the legal entity, if one does."),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        contacts: Any = self.fields["contacts"]
        contacts.widget = PickSome(GroupMembership._meta.get_field("contact"), admin.site)
        contacts.queryset = Contact.objects.visible_to(actor).filter(anonymized_at=None).defer("details")
        items = list_data(ACCESS_POLICIES).sorted_items(get_language() or "")
        self.fields["policy"].choices = [(item.id, item.name()) for item in items]  # type: ignore[attr-defined]

    def clean_contacts(self) -> list[Contact]:
        """Raise ValidationError for more than MOST_CONTACTS contacts."""
        chosen = list(self.cleaned_data["contacts"][: MOST_CONTACTS + 1])
        if len(chosen) > MOST_CONTACTS:
            raise forms.ValidationError(gettext("Choose %(most)d at most.") % {"most": MOST_CONTACTS})
        return chosen

    @property
    def memberships(self) -> list[Membership]:
        return [Membership(contact.pk, self.cleaned_data["policy"]) for contact in self.cleaned_data["contacts"]]


@dataclass(frozen=True, slots=True)
class Page:
    """State of the edit page: the forms, why the submission was rejected, and what others have changed since."""

    details: DetailsForm
    submission: SubmissionForm
    error: ApiError | None = None
    entries: Sequence[Entry] = ()


def create_page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the creation form; POST creates the legal entity. Raise PermissionDenied without the add permission."""
    actor = actor_of(request)
    if actor is None or not model_admin.has_add_permission(request):
        raise PermissionDenied
    data = request.POST if request.method == "POST" else None
    # Creating waits as a whole or not at all, so no field is marked as requiring approval.
    details = DetailsForm(
        current_schema(LEGAL_ENTITY_SCHEMA), {}, data, is_approval_marked=False, choices_url=model_admin.choices_url()
    )
    form = NewLegalEntityForm(data, actor=actor)
    status, error = HTTPStatus.OK, None
    if data is not None:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if form.is_valid():
            try:
                made = create_legal_entity(
                    actor=actor,
                    details=details.target,
                    memberships=form.memberships,
                    external_id=form.cleaned_data["external_id"] or None,
                )
            except ApiError as refusal:
                error = refusal
                _show(refusal, form, details)
            else:
                if isinstance(made, ChangeRequest):
                    messages.warning(request, waiting_message(request, made.pk))
                    return HttpResponseRedirect(reverse("admin:legalentities_legalentity_changelist"))
                made.refresh_from_db(fields=["name"])
                messages.success(request, format_html(gettext("{} was created."), made))
                return HttpResponseRedirect(address_of(made.pk))
        else:
            details.add_faults(details.schema.validate(details.target))
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": gettext("New legal entity"),
        "media": model_admin.media + details.media + form.media,
        "form": details,
        "entity_form": form,
        "waits": binding_policy(actor, kind=LEGAL_ENTITY_CREATION) is not None,
        "error": error,
    }
    return TemplateResponse(request, "admin/legalentities/legalentity/create.html", context, status=status)


def edit_page(model_admin: Any, request: HttpRequest, legal_entity: LegalEntity) -> HttpResponse:
    """Show the edit form; POST replaces the details. Raise PermissionDenied without the change permission."""
    actor = actor_of(request)
    if actor is None or not may_edit(request):
        raise PermissionDenied
    schema = current_schema(LEGAL_ENTITY_SCHEMA)
    address = model_admin.choices_url()
    if request.method != "POST":
        amended = own_open_request(actor, legal_entity, request.GET.get("amend"), kind=LEGAL_ENTITY_DETAILS)
        form = DetailsForm(schema, amended_details(legal_entity, amended), choices_url=address)
        return _drawn(model_admin, request, legal_entity, schema, Page(form, fresh_submission(legal_entity, amended)))
    sent = SubmissionForm(request.POST)
    sent.is_valid()
    read = sent.cleaned_data.get("version")
    if read is None or read > legal_entity.version:
        raise SuspiciousOperation("no such version")
    if read < legal_entity.version:
        return _overtaken(model_admin, request, actor, legal_entity, schema, sent, read)
    form = DetailsForm(schema, legal_entity.details, request.POST, choices_url=address)
    if not sent.is_valid():
        page = Page(form, sent)
        return _drawn(model_admin, request, legal_entity, schema, page, HTTPStatus.UNPROCESSABLE_ENTITY)

    comment = sent.cleaned_data["comment"] or None
    amended = own_open_request(actor, legal_entity, sent.cleaned_data["amend"], kind=LEGAL_ENTITY_DETAILS)
    try:
        if amended is not None:
            return amend(request, amended, actor=actor, document=form.target, comment=comment)
        submission = replace_details(
            actor=actor, legal_entity_id=legal_entity.pk, details=form.target, comment=comment, versions=[read]
        )
    except PreconditionFailed:
        legal_entity.refresh_from_db()
        return _overtaken(model_admin, request, actor, legal_entity, schema, sent, read)
    except ApiError as error:
        if error.sub_code in ("ValidationFailed", "FieldNotUpdatable"):
            form.add_faults(error.properties)
        return _drawn(model_admin, request, legal_entity, schema, Page(form, sent, error), error.status)
    if submission.change_request is not None:
        labels = field_labels(schema, submission.waiting_paths)
        messages.warning(request, waiting_message(request, submission.change_request.pk, labels))
    elif submission.entry_id is not None:
        messages.success(request, gettext("The changes are made."))
    else:
        messages.info(request, gettext("Nothing was changed: everything is as it was."))
    return HttpResponseRedirect(address_of(legal_entity.pk))


def may_edit(request: HttpRequest) -> bool:
    return request.user.has_perm(MAY_CHANGE)


def address_of(legal_entity_id: int) -> str:
    return reverse("admin:legalentities_legalentity_change", args=[legal_entity_id])


def _overtaken(
    model_admin: Any,
    request: HttpRequest,
    actor: Actor,
    legal_entity: LegalEntity,
    schema: CompiledSchema,
    sent: SubmissionForm,
    read: int,
) -> HttpResponse:
    """Render the form again with 412, rebased on the current version. Nothing was changed and no input is lost."""
    later = entries_since(kind=LEGAL_ENTITY_DETAILS, subject_id=legal_entity.pk, after=read, until=legal_entity.version)
    before = reduce(lambda document, entry: entry.undone(document), later, legal_entity.details)
    form = DetailsForm(schema, before, request.POST, choices_url=model_admin.choices_url())
    amended = own_open_request(actor, legal_entity, sent.data.get("amend"), kind=LEGAL_ENTITY_DETAILS)
    submission = fresh_submission(legal_entity, amended, sent.data.get("comment", ""))
    page = Page(form.rebased(legal_entity.details), submission, PreconditionFailed(), later)
    return _drawn(model_admin, request, legal_entity, schema, page, HTTPStatus.PRECONDITION_FAILED)


def _drawn(
    model_admin: Any,
    request: HttpRequest,
    legal_entity: LegalEntity,
    schema: CompiledSchema,
    page: Page,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": legal_entity,
        "title": str(legal_entity),
        "media": model_admin.media + page.details.media,
        "legal_entity": legal_entity,
        "address": address_of(legal_entity.pk),
        "form": page.details,
        "submission": page.submission,
        **waiting_context(
            request, legal_entity, kind=LEGAL_ENTITY_DETAILS, details=page.details, submission=page.submission
        ),
        "may_open_requests": may_see_requests(request),
        "error": page.error,
        "meanwhile": [shown_changes(schema, entry.changes) for entry in page.entries],
    }
    return TemplateResponse(request, "admin/legalentities/legalentity/edit.html", context, status=status)


def _show(refusal: ApiError, form: NewLegalEntityForm, details: DetailsForm) -> None:
    """Add the error to the field that it concerns, else to the form."""
    field = FIELDS.get(refusal.sub_code)
    if field is not None:
        form.add_error(field, str(refusal))
    elif refusal.sub_code in ("ValidationFailed", "FieldNotUpdatable"):
        details.add_faults(refusal.properties)
    else:
        details.errors.append(str(refusal))
