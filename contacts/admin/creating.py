"""The admin page that creates a contact."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.admin_actor import actor_of
from changerequests.admin.messages import waiting_message
from changerequests.models import ChangeRequest
from changerequests.queries.policies import binding_policy
from contacts.admin.base import address_of, done
from contacts.admin.duplicates import (
    Answer,
    DuplicatesFound,
    duplicates_page,
    is_way_back,
    sent_form,
    settle_duplicates,
)
from contacts.admin.links import offer_systems, place_faults
from contacts.duplicates import contact_written, wait_for_similar
from contacts.models import (
    CONTACT_CREATION,
    CONTACT_SCHEMA,
    CONTACT_TYPES,
    MAX_EXTERNAL_ID,
    MAX_SYSTEM,
    Contact,
    ExternalConnection,
)
from contacts.services.creation import create_contact
from core.errors import ApiError
from schemas.forms import DetailsForm
from schemas.queries import current_schema, list_data

CONTROL = {"class": "kf-input", "autocomplete": "off"}
# Sub-code of an error -> the form field that shows it.
FIELDS = {
    "UsernameRequired": "username",
    "UsernameNotUnique": "username",
    "UsernameCoupledWithEmail": "username",
    "ExternalIdNotUnique": "external_id",
    "ExternalConnectionExists": "external_id",
}


class NewContactForm(forms.Form):
    """Everything about a new contact except its details."""

    type = forms.TypedChoiceField(label=_("Type"), coerce=int, widget=forms.Select(attrs={"class": "kf-input"}))
    username = forms.CharField(
        label=_("Username"), required=False, max_length=254, widget=forms.TextInput(attrs=CONTROL)
    )
    system = forms.CharField(
        label=_("System"),
        required=False,
        max_length=MAX_SYSTEM,
        initial=ExternalConnection.DEFAULT_SYSTEM,
        widget=forms.Select(attrs={"class": "kf-input"}),
    )
    external_id = forms.CharField(
        label=_("External id"),
        required=False,
        max_length=MAX_EXTERNAL_ID,
        widget=forms.TextInput(attrs=CONTROL),
        help_text=_("What another system calls the contact, if one does."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_systems(self)
        items = list_data(CONTACT_TYPES).sorted_items(get_language() or "")
        self.fields["type"].choices = [(item.id, item.name()) for item in items]  # type: ignore[attr-defined]
        if settings.USERNAME_FROM_EMAIL:
            del self.fields["username"]
        elif not settings.EXTERNAL_IDENTITY_PROVIDER:
            self.fields["username"].required = True


def create_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """Render the form; on POST, create the contact, or show who may be the same person. Requires MAY_ADD."""
    actor = actor_of(request)
    if actor is None or not admin.has_add_permission(request):
        raise PermissionDenied
    data, answer = sent_form(request) if request.method == "POST" else (None, Answer())
    # Creating waits as a whole or not at all, so no field is marked as requiring approval.
    details = DetailsForm(
        current_schema(CONTACT_SCHEMA), {}, data, is_approval_marked=False, choices_url=admin.choices_url()
    )
    form = NewContactForm(data)
    status, error = HTTPStatus.OK, None
    if data is not None and not is_way_back(request):
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if form.is_valid():
            try:
                made = _create(actor, form.cleaned_data, details, answer)
            except DuplicatesFound as duplicates:
                return _ask(admin, request, actor, details, duplicates, answer)
            except ApiError as refusal:
                error = refusal
                _show(refusal, form, details)
            else:
                if isinstance(made, ChangeRequest):
                    messages.warning(request, waiting_message(request, made.pk))
                    return HttpResponseRedirect(reverse("admin:contacts_contact_changelist"))
                made.refresh_from_db(fields=["name"])
                return done(request, format_html(gettext("{} was created."), made), address_of(made.pk))
        else:
            details.add_faults(details.schema.validate(details.target))
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": gettext("New contact"),
        "media": admin.media + details.media,
        "form": details,
        "contact_form": form,
        "error": error,
        "follows_email": settings.USERNAME_FROM_EMAIL,
        "waits": _waits(actor),
    }
    return TemplateResponse(request, "admin/contacts/contact/create.html", context, status=status)


@transaction.atomic
def _create(actor: Actor, asked: dict[str, Any], details: DetailsForm, answer: Answer) -> Contact | ChangeRequest:
    """Create the contact with its external id, or ask for it. Raises what the service raises, and DuplicatesFound.

    Waits for others who create somebody similar, and has them wait.
    """
    target = details.target
    wait_for_similar(target)
    system = asked["system"] or ExternalConnection.DEFAULT_SYSTEM
    made = create_contact(
        actor=actor,
        type_id=asked["type"],
        username=asked.get("username") or None,
        details=target,
        connections=[{"system": system, "externalId": asked["external_id"]}] if asked["external_id"] else [],
    )
    if isinstance(made, ChangeRequest):
        settle_duplicates(actor=actor, details=target, contact_id=made.subject_id or 0, answer=answer)
    else:
        settle_duplicates(actor=actor, details=target, contact_id=made.pk, answer=answer)
        contact_written(made.pk)
    return made


def _ask(
    admin: Any, request: HttpRequest, actor: Actor, details: DetailsForm, duplicates: DuplicatesFound, answer: Answer
) -> HttpResponse:
    return duplicates_page(
        admin,
        request,
        schema=details.schema,
        details=details.target,
        found=duplicates.found,
        answer=answer,
        context={
            "nothing_done": gettext("Nothing was created yet."),
            "typed_label": gettext("New contact"),
            "go_on": gettext("Not the same person: request approval")
            if _waits(actor)
            else gettext("Not the same person: create"),
            "leave": reverse("admin:contacts_contact_changelist"),
        },
    )


def _waits(actor: Actor) -> bool:
    return binding_policy(actor, kind=CONTACT_CREATION) is not None


def _show(refusal: ApiError, form: NewContactForm, details: DetailsForm) -> None:
    """Show the error at the field that caused it, or else above the details."""
    field = FIELDS.get(refusal.sub_code)
    if field in form.fields:
        form.add_error(field, str(refusal))
    elif refusal.sub_code in ("ValidationFailed", "FieldNotUpdatable"):
        details.add_faults(place_faults(form, refusal.properties or {}))
    else:
        details.errors.append(str(refusal))
