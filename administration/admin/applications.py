"""Client applications. The secret of a new one is shown once."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from oauth2_provider import models as oauth
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.actor import system_actor
from accounts.admin_actor import actor_of
from accounts.models import ClientApplication
from accounts.scopes import ALL_SCOPES
from administration.admin.base import KeptAdmin
from administration.services.applications import create_client_application

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


class ClientApplicationForm(forms.ModelForm):
    """Scopes as checkboxes, stored as the space-separated text of OAuth2."""

    allowed_scopes = forms.MultipleChoiceField(
        label=_("Allowed scopes"),
        choices=[(scope, scope) for scope in ALL_SCOPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("What its tokens may be good for. Tokens that are out keep theirs until they expire."),
    )

    class Meta:
        model = ClientApplication
        fields = ["name", "allowed_scopes", "participants"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = True
        # Removing all scopes closes an existing application; a new one without scopes would be useless.
        self.fields["allowed_scopes"].required = self.instance.pk is None
        self.initial["allowed_scopes"] = self.instance.allowed_scopes.split() if self.instance.pk else []

    def clean_allowed_scopes(self) -> str:
        return " ".join(self.cleaned_data["allowed_scopes"])

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if ClientApplication.objects.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(gettext("There is a client application with this name already."))
        return name


@admin.register(ClientApplication)
class ClientApplicationAdmin(KeptAdmin):
    """Removing all scopes closes an application; it is not deleted, because the history refers to it."""

    sidebar_icon = "key"
    form = ClientApplicationForm
    list_display = ["name", "client_id", "scope_count", "participant_names", "created"]
    list_filter = ["participants"]
    search_fields = ["name", "client_id"]
    search_help_text = _("Name or client id")
    autocomplete_fields = ["participants"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClientApplication]:
        return super().get_queryset(request).prefetch_related("participants")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        own = ["name", "allowed_scopes", "participants"]
        return own if obj is None else [*own, "client_id", "client_type", "authorization_grant_type", "created"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [] if obj is None else ["client_id", "client_type", "authorization_grant_type", "created"]

    @display(description=_("scopes"))
    def scope_count(self, application: ClientApplication) -> str:
        return str(len(application.allowed_scopes.split())) if application.allowed_scopes else gettext("none: closed")

    @display(description=_("participants"))
    def participant_names(self, application: ClientApplication) -> str:
        return ", ".join(participant.name for participant in application.participants.all()) or gettext("All contacts")

    def save_form(self, request: HttpRequest, form: ClientApplicationForm, change: bool) -> ClientApplication:
        """Create a new application with the service and keep its secret for the response: it cannot be read again."""
        if change:
            return super().save_form(request, form, change)
        created = create_client_application(
            actor=actor_of(request) or system_actor("admin"),
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["allowed_scopes"].split(),
            participants=form.cleaned_data["participants"],
        )
        application: Any = created.application
        application.secret_shown_once = created.client_secret
        return application

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret only in this response: in no message cookie, no session and no cache."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Client application %(name)s") % {"name": obj.name},
            "application": obj,
            "secret": obj.secret_shown_once,
            "address": reverse("admin:accounts_clientapplication_change", args=[obj.pk]),
        }
        answer = TemplateResponse(request, "admin/accounts/clientapplication/created.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    def save_model(self, request: HttpRequest, obj: Model, form: forms.ModelForm, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Any, change: bool) -> None:
        if change:
            super().save_related(request, form, formsets, change)
