"""The admin page that anonymizes a contact after a typed confirmation."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from accounts.admin_actor import VisibleToActorAdmin
from contacts.admin.base import address_of, check_permission, contact_page, made, opened
from contacts.display import in_form_order
from contacts.models import CONTACT_SCHEMA, Contact
from contacts.permissions import MAY_ANONYMIZE
from contacts.services.anonymization import anonymize_contacts
from core.errors import ApiError
from schemas.queries import current_schema


def anonymize_page(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """Render the confirmation page; a confirmed POST anonymizes or asks. Requires `contacts.anonymize_contact`."""
    actor, contact = opened(admin, request, contact_id)
    check_permission(request, MAY_ANONYMIZE)
    if contact.anonymized_at is not None:
        return HttpResponseRedirect(address_of(contact.pk))
    typed, fault = "", ""
    if request.method == "POST":
        typed = request.POST.get("confirmation", "")
        if _confirms(typed, contact):
            try:
                found = anonymize_contacts(actor=actor, contact_ids=[contact.pk])
            except ApiError as error:
                fault = str(error)
            else:
                return made(request, found.change_request, _("The contact was anonymized."), address_of(contact.pk))
        else:
            fault = _("This is neither the name nor the id of the contact.")
    schema = current_schema(CONTACT_SCHEMA)
    kept = [path for path, field in schema.fields.items() if field.is_kept_on_anonymization and not field.is_in_array]
    return contact_page(
        admin,
        request,
        contact,
        tab="anonymize",
        template="admin/contacts/contact/anonymize.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK,
        kept=[schema.label_at(path) for path in in_form_order(schema, kept)],
        typed=typed,
        fault=fault,
    )


def _confirms(typed: str, contact: Contact) -> bool:
    text = " ".join(typed.split()).casefold()
    return text == str(contact.pk) or (bool(contact.name) and text == " ".join(contact.name.split()).casefold())
