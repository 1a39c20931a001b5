"""Client applications. Their secrets are collected by their owners, once."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Model, QuerySet, TextChoices
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from oauth2_provider import models as oauth
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
)

from accounts.actor import Actor
from accounts.admin_actor import actor_of, member_of
from accounts.models import ClientApplication
from administration.admin.base import KeptAdmin, WaitingAdmin
from administration.applications import APPLICATION, FOR_ITSELF, FOR_PEOPLE, NOTHING, normalised
from administration.kinds.applications import GRANTS
from administration.outcomes import Outcome
from administration.services.applications import change_application, register_application
from administration.services.secrets import collect_secret, end_secret
from core.errors import ApiError
from events.queries.webhooks import State, with_state

LOOKS_AT_WEBHOOKS = "events.view_webhook"

# Tokens and grants are issued and revoked by the OAuth2 endpoints; a form could only break them or give them away.
for model in (
    ClientApplication,
    oauth.get_access_token_model(),
    oauth.get_grant_model(),
    oauth.get_id_token_model(),
    oauth.get_refresh_token_model(),
):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class Purpose(TextChoices):
    """What an application is: its grant and whether it can keep a secret, in words."""

    SERVICE = "service", _("A service, which acts for itself (client credentials)")
    SERVER = "server", _("A web application with a server, which acts for people (authorization code, confidential)")
    BROWSER = "browser", _("A browser or mobile application, which acts for people (authorization code, public)")

    @classmethod
    def of(cls, application: ClientApplication) -> Purpose:
        if not application.acts_for_people:
            return cls.SERVICE
        return cls.BROWSER if application.is_public else cls.SERVER


# The fields of the form by the paths of the document.
FIELDS = {
    "name": "name",
    "grant": "purpose",
    "isPublic": "purpose",
    "scopes": "allowed_scopes",
    "carriesDecisions": "carries_decisions",
    "participants": "participants",
    "redirectUris": "redirect_uris",
    "origins": "allowed_origins",
    "owner": "owner",
    "isSecretDue": "is_secret_due",
    "publicKeys": "keys",
}


class LinesField(forms.CharField):
    """One text a line, however a browser separates lines."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})

    def to_python(self, value: Any) -> str:
        return "\n".join((super().to_python(value) or "").splitlines())


class ClientApplicationForm(forms.ModelForm):
    """The document of an application as fields. What is wrong with it is shown at its field."""

    purpose = forms.ChoiceField(
        label=_("What it is"), choices=Purpose.choices, initial=Purpose.SERVICE, widget=UnfoldAdminRadioSelectWidget
    )
    allowed_scopes = forms.MultipleChoiceField(
        label=_("Allowed scopes"),
        choices=[
            (scope, format_lazy("{}: {}", scope, means)) for scope, means in settings.OAUTH2_PROVIDER["SCOPES"].items()
        ],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_(
            "What its tokens allow. Removing a scope revokes the tokens that hold it; removing all closes the "
            "application."
        ),
    )
    redirect_uris = LinesField(
        label=_("Redirect addresses"),
        required=False,
        help_text=_(
            "Where people return to, one per line, exactly as the application sends them: https, or http on 127.0.0.1."
        ),
    )
    allowed_origins = LinesField(
        label=_("Origins"),
        required=False,
        help_text=_("From which its pages call the API in a browser (CORS), one per line: https://portal.example.com"),
    )
    keys = LinesField(
        label=_("Public keys"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_(
            "If it signs with a private key (private_key_jwt), its public key set (JWKS). Then it needs no secret."
        ),
    )

    class Meta:
        model = ClientApplication
        fields = [
            *("name", "allowed_scopes", "carries_decisions", "participants", "redirect_uris", "allowed_origins"),
            *("owner", "is_secret_due"),
        ]
        help_texts = {
            "participants": _("A service without participants sees all contacts. For people, it sees what they see."),
            "carries_decisions": _(
                "Members may approve and reject change requests through it, after confirming with their second factor."
            ),
            "owner": _("Responsible for it, and collects its secret: a member who neither requests nor approves it."),
            "is_secret_due": _("Once approved, the owner collects it. The current one then keeps working for a while."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        application = self.instance
        is_new = application.pk is None
        if "name" not in self.fields:  # who only looks at it
            return
        self.fields["name"].required = True
        # Removing all scopes closes an existing application; a new one without scopes would be useless.
        self.fields["allowed_scopes"].required = is_new
        self.fields["owner"].required = is_new
        if is_new:
            self.initial["allowed_scopes"] = []
            return
        self.initial.update(
            purpose=Purpose.of(application),
            allowed_scopes=application.allowed_scopes.split(),
            redirect_uris="\n".join(application.redirect_uris.split()),
            allowed_origins="\n".join(application.allowed_origins.split()),
            keys=_key_set(application),
        )

    def clean_allowed_scopes(self) -> str:
        return " ".join(self.cleaned_data["allowed_scopes"])

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if ClientApplication.objects.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(gettext("There is a client application with this name already."))
        return name

    def clean_keys(self) -> list[Any]:
        """Return the public keys of a key set, of a list or of one key."""
        text = self.cleaned_data["keys"].strip()
        if not text:
            return []
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(gettext("This is not JSON.")) from error
        keys = found.get("keys", [found]) if isinstance(found, dict) else found
        return keys if isinstance(keys, list) else [keys]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            _document, faults = normalised({**NOTHING, "name": cleaned["name"], **self.target()})
            for path, found in faults.items():
                self.add_error(FIELDS[path], found)
        return cleaned

    def target(self) -> dict[str, Any]:
        """Return what the form says as paths of the document, but for the name."""
        sent = self.cleaned_data
        target = {
            "grant": FOR_ITSELF if sent["purpose"] == Purpose.SERVICE else FOR_PEOPLE,
            "isPublic": sent["purpose"] == Purpose.BROWSER,
            "scopes": sent["allowed_scopes"].split(),
            "carriesDecisions": sent["carries_decisions"],
            "participants": [participant.pk for participant in sent["participants"]],
            "redirectUris": sent["redirect_uris"].split(),
            "origins": sent["allowed_origins"].split(),
            "owner": None if sent["owner"] is None else sent["owner"].pk,
            "publicKeys": sent["keys"],
        }
        return target | ({"isSecretDue": sent["is_secret_due"]} if "is_secret_due" in self.fields else {})


def _key_set(application: ClientApplication) -> str:
    keys = [key["jwk"] for key in application.public_keys]
    return json.dumps({"keys": keys}, indent=2) if keys else ""


@admin.register(ClientApplication)
class ClientApplicationAdmin(WaitingAdmin, KeptAdmin):
    """Removing all scopes closes an application; it is not deleted, because the history refers to it."""

    kind = APPLICATION
    sidebar_icon = "key"
    form = ClientApplicationForm
    change_form_outer_after_template = "admin/accounts/clientapplication/collect.html"
    list_display = ["name", "client_id", "grant", "scope_count", "participant_names", "owner_name", "created"]
    list_filter = ["authorization_grant_type", "client_type", "participants"]
    list_select_related = ["owner__user"]
    search_fields = ["name", "client_id"]
    search_help_text = _("Name or client id")
    autocomplete_fields = ["participants", "owner"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClientApplication]:
        return super().get_queryset(request).prefetch_related("participants")

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        key = ["owner", "keys"] if obj is None else ["owner", "is_secret_due", "keys"]
        return [
            (None, {"fields": ["name", "purpose"]}),
            (_("What it may do"), {"fields": ["allowed_scopes", "participants"]}),
            (
                _("Acting for people"),
                {
                    "fields": ["redirect_uris", "allowed_origins", "carries_decisions"],
                    "description": _("Of applications that act for people; a service leaves this empty."),
                },
            ),
            (_("Owner and key"), {"fields": key}),
            *([] if obj is None else [(_("Registration"), {"fields": ["client_id", "created"]})]),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [] if obj is None else ["client_id", "created"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The owner sees its application, so that it can collect the secret."""
        return super().has_view_permission(request, obj) or (obj is not None and _is_owner(request, obj))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False, **others: Any
    ) -> HttpResponse:
        obj = others.get("obj")
        if obj is not None:
            is_owner = _is_owner(request, obj)
            context["may_collect"] = obj.is_secret_due and is_owner
            context["may_end_secrets"] = is_owner or self.has_change_permission(request, obj)
            context["opens_webhooks"] = request.user.has_perm(LOOKS_AT_WEBHOOKS)
            if is_owner or context["opens_webhooks"]:
                context["webhooks"] = [
                    {"id": webhook.pk, "url": webhook.url, "state": State(webhook.state).label}
                    for webhook in with_state(obj.webhooks.filter(is_removed=False))
                ]
        return super().render_change_form(request, context, add=add, change=change, **others)

    def submit(self, request: HttpRequest, obj: Any, form: Any, *, actor: Actor, change: bool) -> Outcome:
        name, target = form.cleaned_data["name"], form.target()
        if change:
            return change_application(actor=actor, application_id=obj.pk, target={"name": name, **target})
        outcome = register_application(actor=actor, name=name, target=target)
        obj.pk = outcome.subject_id
        return outcome

    def get_urls(self) -> list[URLPattern]:
        of_one, name = "<int:application_id>/secret", "accounts_clientapplication"
        view = self.admin_site.admin_view
        return [
            path(f"{of_one}/", view(self.collect_view), name=f"{name}_secret"),
            path(f"{of_one}/end/", view(self.end_view), name=f"{name}_end_secret"),
            *super().get_urls(),
        ]

    def collect_view(self, request: HttpRequest, application_id: int) -> HttpResponse:
        """Show a new secret to the owner, in this response only: in no message cookie, no session and no cache."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        address = reverse("admin:accounts_clientapplication_change", args=[application_id])
        try:
            collected = collect_secret(actor=member_of(request), application_id=application_id)
        except ApiError as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(address)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Client application %(name)s") % {"name": collected.application.name},
            "application": collected.application,
            "secret": collected.client_secret,
            "address": address,
        }
        answer = TemplateResponse(request, "admin/accounts/clientapplication/secret.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    def end_view(self, request: HttpRequest, application_id: int) -> HttpResponse:
        """End the present secret or the one before at once."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        is_previous = request.POST.get("which") == "previous"
        try:
            if end_secret(actor=member_of(request), application_id=application_id, is_previous=is_previous):
                messages.success(request, gettext("The secret no longer works, nor do the tokens issued with it."))
        except ApiError as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:accounts_clientapplication_change", args=[application_id]))

    @display(description=_("What it is"))
    def purpose(self, application: ClientApplication) -> str:
        return str(Purpose.of(application).label)

    @display(description=_("Public keys"), empty_value="–")
    def keys(self, application: ClientApplication) -> str:
        return _key_set(application)

    @display(description=_("scopes"))
    def scope_count(self, application: ClientApplication) -> str:
        return str(len(application.allowed_scopes.split())) if application.allowed_scopes else gettext("none: closed")

    @display(description=_("acts"), ordering="authorization_grant_type")
    def grant(self, application: ClientApplication) -> str:
        return str(GRANTS.get(application.authorization_grant_type, application.authorization_grant_type))

    @display(description=_("participants"))
    def participant_names(self, application: ClientApplication) -> str:
        return ", ".join(participant.name for participant in application.participants.all()) or gettext("All contacts")

    @display(description=_("owner"), empty_value="–")
    def owner_name(self, application: ClientApplication) -> str | None:
        return application.owner.name if application.owner else None


def _is_owner(request: HttpRequest, application: ClientApplication) -> bool:
    actor = actor_of(request)
    return actor is not None and application.owner_id == actor.member_id
