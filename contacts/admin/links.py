"""Admin pages with a contact's external connections and channels."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin_actor import VisibleToActorAdmin
from contacts.admin.base import address_of, check_permission, contact_page, done, made, opened, refused
from contacts.models import CONTACT_SCHEMA, MAX_EXTERNAL_ID, MAX_SYSTEM, ChannelKind, ExternalConnection
from contacts.permissions import MAY_CHANGE_DETAILS
from contacts.queries.systems import known_systems
from contacts.services.channels import discontinue_verification, resend_key
from contacts.services.connections import add_external_connection
from core.documents import value_at
from core.errors import ApiError
from schemas.queries import current_schema

# ---- other systems


class ConnectionForm(forms.Form):
    """An external id of the contact."""

    system = forms.CharField(
        label=_("System"),
        max_length=MAX_SYSTEM,
        initial=ExternalConnection.DEFAULT_SYSTEM,
        widget=forms.Select(attrs={"class": "kf-input"}),
    )
    external_id = forms.CharField(
        label=_("External id"),
        max_length=MAX_EXTERNAL_ID,
        widget=forms.TextInput(attrs={"class": "kf-input", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_systems(self)


def offer_systems(form: forms.Form) -> None:
    """Offer the systems there are. The service decides on others."""
    form.fields["system"].widget.choices = [(name, name) for name in known_systems().names]


def place_faults(form: forms.Form, faults: Mapping[str, Any]) -> dict[str, Any]:
    """Show the faults of an external id and its system at their fields; return the others."""
    others = dict(faults)
    for path, field in (("system", "system"), ("externalId", "external_id")):
        for fault in others.pop(path, ()):
            form.add_error(field, fault)
    return others


def connections_page(
    admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int, form: ConnectionForm | None = None
) -> HttpResponse:
    """List a contact's external connections, with a form to add one."""
    _actor, contact = opened(admin, request, contact_id)
    return contact_page(
        admin,
        request,
        contact,
        tab="connections",
        template="admin/contacts/contact/connections.html",
        status=422 if form is not None else 200,
        connections=contact.external_connections.all(),
        form=form or ConnectionForm(),
    )


def add_connection(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """POST: add an external connection. Requires `contacts.change_contact_details`."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    actor, contact = opened(admin, request, contact_id)
    check_permission(request, MAY_CHANGE_DETAILS)
    form = ConnectionForm(request.POST)
    if not form.is_valid():
        return connections_page(admin, request, contact_id, form)
    try:
        asked = add_external_connection(actor=actor, contact_id=contact.pk, **form.cleaned_data)
    except ApiError as error:
        if error.sub_code != "ValidationFailed" or place_faults(form, error.properties or {}):
            form.add_error(None, str(error))
        return connections_page(admin, request, contact_id, form)
    return made(request, asked, gettext("The external id was recorded."), address_of(contact.pk, "connections"))


# ---- channels


RESEND, DISCONTINUE = "resend", "discontinue"


def channels_page(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """List a contact's email and mobile channels: the current address and the pending one."""
    _actor, contact = opened(admin, request, contact_id)
    schema = current_schema(CONTACT_SCHEMA)
    waiting = {channel.kind: channel for channel in contact.channels.all()}
    channels = [
        {
            "kind": kind,
            "label": schema.label_at(path),
            "address": value_at(contact.details, path),
            "is_verified": path in schema.verified_paths,
            "channel": waiting.get(kind),
        }
        for kind, path in ((kind, schema.channel_paths[kind]) for kind in ChannelKind)
        if path is not None
    ]
    return contact_page(
        admin, request, contact, tab="channels", template="admin/contacts/contact/channels.html", channels=channels
    )


def act_on_channel(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """POST: resend the key or discard the pending address. Requires `contacts.change_contact_details`."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    actor, contact = opened(admin, request, contact_id)
    check_permission(request, MAY_CHANGE_DETAILS)
    address = address_of(contact.pk, "channels")
    kind, action = request.POST.get("kind"), request.POST.get("action")
    if kind not in ChannelKind.values or action not in (RESEND, DISCONTINUE):
        raise SuspiciousOperation("no such channel or action")
    try:
        if action == RESEND:
            resend_key(actor=actor, contact_id=contact.pk, kind=ChannelKind(kind))
            return done(request, gettext("A new key is on its way."), address)
        discontinue_verification(actor=actor, contact_id=contact.pk, kind=ChannelKind(kind))
        return done(
            request, gettext("The new address was discarded; the key that was sent is no longer valid."), address
        )
    except ApiError as error:
        return refused(request, error, address)
