"""Client applications. Their secrets are collected by their owners, once."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from oauth2_provider import models as oauth
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.actor import Actor
from accounts.admin_actor import actor_of, member_of
from accounts.models import ClientApplication
from accounts.scopes import ALL_SCOPES
from administration.admin.base import KeptAdmin, WaitingAdmin
from administration.applications import APPLICATION
from administration.outcomes import Outcome
from administration.services.applications import change_application, collect_secret, register_application
from core.errors import ApiError

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
        fields = ["name", "allowed_scopes", "participants", "owner", "is_secret_due"]
        help_texts = {
            "participants": _("Without participants it sees all contacts."),
            "owner": _("The member who collects its secret: neither who asks for it nor who approves it."),
            "is_secret_due": _("Once approved, the owner collects it, and the one before is no longer valid."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_new = self.instance.pk is None
        if "name" not in self.fields:  # who only looks at it
            return
        self.fields["name"].required = True
        # Removing all scopes closes an existing application; a new one without scopes would be useless.
        self.fields["allowed_scopes"].required = is_new
        self.fields["owner"].required = is_new
        self.initial["allowed_scopes"] = [] if is_new else self.instance.allowed_scopes.split()

    def clean_allowed_scopes(self) -> str:
        return " ".join(self.cleaned_data["allowed_scopes"])

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if ClientApplication.objects.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(gettext("There is a client application with this name already."))
        return name


@admin.register(ClientApplication)
class ClientApplicationAdmin(WaitingAdmin, KeptAdmin):
    """Removing all scopes closes an application; it is not deleted, because the history refers to it."""

    kind = APPLICATION
    sidebar_icon = "key"
    form = ClientApplicationForm
    change_form_outer_after_template = "admin/accounts/clientapplication/collect.html"
    list_display = ["name", "client_id", "scope_count", "participant_names", "owner_name", "created"]
    list_filter = ["participants"]
    list_select_related = ["owner__user"]
    search_fields = ["name", "client_id"]
    search_help_text = _("Name or client id")
    autocomplete_fields = ["participants", "owner"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClientApplication]:
        return super().get_queryset(request).prefetch_related("participants")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        own = ["name", "allowed_scopes", "participants", "owner"]
        if obj is None:
            return own
        return [*own, "is_secret_due", "client_id", "client_type", "authorization_grant_type", "created"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [] if obj is None else ["client_id", "client_type", "authorization_grant_type", "created"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The owner sees its application, so that it can collect the secret."""
        return super().has_view_permission(request, obj) or (obj is not None and _is_owner(request, obj))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False, **others: Any
    ) -> HttpResponse:
        obj = others.get("obj")
        context["may_collect"] = obj is not None and obj.is_secret_due and _is_owner(request, obj)
        return super().render_change_form(request, context, add=add, change=change, **others)

    def submit(self, request: HttpRequest, obj: Any, form: Any, *, actor: Actor, change: bool) -> Outcome:
        sent = form.cleaned_data
        target = {
            "scopes": sent["allowed_scopes"].split(),
            "participants": [participant.pk for participant in sent["participants"]],
            "owner": None if sent["owner"] is None else sent["owner"].pk,
        }
        if change:
            target |= {"name": sent["name"], "isSecretDue": sent["is_secret_due"]}
            return change_application(actor=actor, application_id=obj.pk, target=target)
        outcome = register_application(actor=actor, name=sent["name"], target=target)
        obj.pk = outcome.subject_id
        return outcome

    def get_urls(self) -> list[URLPattern]:
        collect = self.admin_site.admin_view(self.collect_view)
        return [
            path("<int:application_id>/secret/", collect, name="accounts_clientapplication_secret"),
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

    @display(description=_("scopes"))
    def scope_count(self, application: ClientApplication) -> str:
        return str(len(application.allowed_scopes.split())) if application.allowed_scopes else gettext("none: closed")

    @display(description=_("participants"))
    def participant_names(self, application: ClientApplication) -> str:
        return ", ".join(participant.name for participant in application.participants.all()) or gettext("All contacts")

    @display(description=_("owner"), empty_value="–")
    def owner_name(self, application: ClientApplication) -> str | None:
        return application.owner.name if application.owner else None


def _is_owner(request: HttpRequest, application: ClientApplication) -> bool:
    actor = actor_of(request)
    return actor is not None and application.owner_id == actor.member_id
