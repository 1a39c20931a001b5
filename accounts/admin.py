"""Admin pages for logins, members, participants and client applications.

Logins and members are deactivated instead of deleted, because the history refers to them. Tokens and grants are hidden.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Count, ForeignKey, IntegerField, Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice
from oauth2_provider import models as oauth
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.actor import system_actor
from accounts.admin_actor import CappedAdmin, RefusableAdmin, actor_of
from accounts.models import STANDS_ABOVE, ClientApplication, Member, Participant, User
from accounts.scopes import ALL_SCOPES
from accounts.services import create_client_application
from accounts.triggers import MEMBERS_ARE_A_TREE
from contacts.models import Contact, ContactAssignment
from core.errors import UnprocessableEntity, map_integrity_error

# Second factors belong to their owners; showing a key here would defeat it.
# The OAuth2 endpoints issue and revoke tokens and grants; a form could only break or leak them.
for model in (
    Group,
    ClientApplication,
    TOTPDevice,
    oauth.get_access_token_model(),
    oauth.get_grant_model(),
    oauth.get_id_token_model(),
    oauth.get_refresh_token_model(),
):
    if admin.site.is_registered(model):
        admin.site.unregister(model)

MAY_ASSIGN = "contacts.change_contact"
ONLY_SUPERUSERS_GRANT = ("is_staff", "is_superuser", "groups", "user_permissions")


class KeptAdmin(CappedAdmin):
    """Rows that are never deleted, because the history or contacts refer to them."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def permission_label(permission: Permission) -> str:
    """Return a permission's label in the user's language; the database has only English names."""
    kind = permission.content_type.model_class()
    of = permission.content_type.name if kind is None else kind._meta.verbose_name_plural
    return f"{of}: {gettext(permission.name)}"


class LabelledPermissions:
    """For admins with a permissions field."""

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None and db_field.name in ("user_permissions", "permissions"):
            field.label_from_instance = permission_label
        return field


@admin.register(User)
class UserAdmin(LabelledPermissions, BaseUserAdmin, KeptAdmin):  # type: ignore[misc] # what KeptAdmin narrows stays narrow
    """Only superusers grant rights: other staff who may change users could grant themselves everything."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "email", "is_staff", "is_active"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    autocomplete_fields = ["groups"]
    filter_horizontal = ["user_permissions"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        own = ("last_login", "date_joined")
        return own if request.user.is_superuser else (*own, *ONLY_SUPERUSERS_GRANT)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only superusers change logins of staff and members: changing a login is enough to take it over."""
        if obj is not None and not request.user.is_superuser and (obj.is_staff or obj.is_superuser or _is_member(obj)):
            return False
        return super().has_change_permission(request, obj)


def _is_member(user: User) -> bool:
    return Member.objects.filter(user=user).exists()


@admin.register(Group)
class GroupAdmin(LabelledPermissions, BaseGroupAdmin, CappedAdmin):  # type: ignore[misc] # as with UserAdmin
    """Only superusers change groups, because groups grant permissions."""

    actions = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser


@admin.register(Participant)
class ParticipantAdmin(KeptAdmin):
    list_display = ["name", "member_count", "application_count"]
    search_fields = ["name"]
    search_help_text = _("Name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participant]:
        rows = super().get_queryset(request)
        return rows.annotate(
            member_count=_count(Member.participants.through),
            application_count=_count(ClientApplication.participants.through),
        )

    @display(description=_("members"), ordering="member_count")
    def member_count(self, participant: Any) -> int:
        return participant.member_count

    @display(description=_("client applications"), ordering="application_count")
    def application_count(self, participant: Any) -> int:
        return participant.application_count


def _count(through: Any) -> Coalesce:
    """Return the number of rows of a relation that belong to the participant."""
    rows = through._default_manager.filter(participant=OuterRef("pk")).order_by().values("participant")
    return Coalesce(Subquery(rows.annotate(all=Count("pk")).values("all"), output_field=IntegerField()), Value(0))


class _AssignmentInline(TabularInline):
    """The contacts assigned to a member, as far as the user can see them."""

    model = ContactAssignment
    fields = ["contact"]
    extra = 0
    hide_title = True
    per_page: int | None = 50

    def may_assign(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(MAY_ASSIGN)) and actor_of(request) is not None

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_assign(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_assign(request)

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "contact":
            kwargs["queryset"] = _visible_contacts(request).filter(anonymized_at=None)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class AssignedInline(_AssignmentInline):
    verbose_name = _("assigned contact")
    verbose_name_plural = _("assigned contacts")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactAssignment]:
        rows = super().get_queryset(request).filter(contact__in=_visible_contacts(request))
        return rows.select_related("contact").defer("contact__details").order_by("pk")


class NewAssignmentInline(_AssignmentInline):
    """Separate from the existing assignments, because an assignment never moves to another contact."""

    autocomplete_fields = ["contact"]
    verbose_name = _("contact to assign")
    verbose_name_plural = _("contacts to assign")
    per_page = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactAssignment]:
        return super().get_queryset(request).none()

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_assign(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _visible_contacts(request: HttpRequest) -> QuerySet[Contact]:
    actor = actor_of(request)
    return Contact.objects.none() if actor is None else Contact.objects.visible_to(actor).defer("details")


@admin.register(Member)
class MemberAdmin(RefusableAdmin, KeptAdmin):
    list_display = ["name", "username", "manager", "participant_names", "sees_all_contacts", "is_active"]
    list_filter = ["participants", "sees_all_contacts", "user__is_active"]
    list_select_related = ["user", "manager__user"]
    search_fields = ["user__first_name", "user__last_name", "user__username"]
    search_help_text = _("Name or username")
    ordering = ["user__last_name", "user__first_name", "id"]
    autocomplete_fields = ["user", "manager", "participants"]
    fields = ["user", "manager", "participants", "sees_all_contacts", "uid"]
    inlines = [AssignedInline, NewAssignmentInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """A member's user never changes, because the history attributes the member's actions to that person."""
        return ["uid"] if obj is None else ["uid", "user"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        rows = super().get_queryset(request).select_related("user", "manager__user")
        return rows.prefetch_related("participants")

    def save_model(self, request: HttpRequest, obj: Model, form: forms.ModelForm, change: bool) -> None:
        """Raises UnprocessableEntity if the manager was moved below this member after the form was validated."""
        with map_integrity_error(MEMBERS_ARE_A_TREE, UnprocessableEntity(STANDS_ABOVE, sub_code="ManagerBelowMember")):
            super().save_model(request, obj, form, change)

    @display(description=_("name"), ordering="user__last_name")
    def name(self, member: Member) -> str:
        return member.name

    @display(description=_("username"), ordering="user__username")
    def username(self, member: Member) -> str:
        return member.user.username

    @display(description=_("participants"))
    def participant_names(self, member: Member) -> str:
        return ", ".join(participant.name for participant in member.participants.all())

    @display(description=_("active"), boolean=True)
    def is_active(self, member: Member) -> bool:
        return member.user.is_active


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
        # An existing application is closed by removing all scopes; a new one without scopes would be useless.
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
