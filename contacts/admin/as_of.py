"""A contact as it was on a day, or what has changed between two days."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.admin_actor import VisibleToActorAdmin
from contacts.admin.base import contact_page, opened
from contacts.display import laid_out, shown_changes
from contacts.models import CONTACT_SCHEMA, Contact
from contacts.queries.as_of import PastDetails, details_as_of
from core.documents import changes_between
from core.errors import ApiError
from schemas.queries import current_schema


def _moment(label: Any, *, required: bool) -> forms.DateTimeField:
    """Return a field for a moment in the institution's time zone."""
    widget = forms.DateTimeInput(attrs={"class": "kf-input", "type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    return forms.DateTimeField(label=label, required=required, widget=widget, input_formats=formats)


class AsOfForm(forms.Form):
    """The moment to show, and another one to compare it with."""

    at = _moment(_("As it was on"), required=True)
    beside = _moment(_("Compared with"), required=False)


def as_of_page(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """Show the details as they were at `at`, or what has changed from then to `beside`. Open like the history."""
    _actor, contact = opened(admin, request, contact_id)
    form = AsOfForm(request.GET if "at" in request.GET else None)
    context: dict[str, Any] = {}
    if form.is_valid():
        first = _past(form, "at", contact)
        second = None if form.cleaned_data["beside"] is None else _past(form, "beside", contact)
        if form.is_valid() and first is not None:
            context = _shown(first, second)
    return contact_page(
        admin,
        request,
        contact,
        tab="changes",
        template="admin/contacts/contact/as_of.html",
        form=form,
        **context,
    )


def _past(form: AsOfForm, name: str, contact: Contact) -> PastDetails | None:
    """Return the details at the moment of a field; if there are none, the field says why."""
    moment: datetime = form.cleaned_data[name]
    try:
        return details_as_of(contact_id=contact.pk, version=contact.version, details=contact.details, moment=moment)
    except ApiError as error:
        form.add_error(name, str(error))
        return None


def _shown(first: PastDetails, second: PastDetails | None) -> dict[str, Any]:
    schema = current_schema(CONTACT_SCHEMA)
    if second is None:
        return {"past": first, "boxes": laid_out(schema, first.details)}
    changes = [change.as_json() for change in changes_between(first.details, second.details)]
    return {"past": first, "beside": second, "changes": shown_changes(schema, changes)}
