"""Users: logins and their permissions."""

from collections.abc import Callable
from math import ceil
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.decorators import display

from accounts.actor import Actor
from accounts.addresses import link_address
from accounts.admin_actor import member_of
from accounts.lockout import Secret, seconds_locked
from accounts.models import User
from accounts.second_factor import is_for
from administration.admin.base import KeptAdmin, WaitingAdmin
from administration.admin.groups import LabelledPermissions
from administration.admin.provider_fields import LINKED, as_lines, identities_field
from administration.outcomes import Outcome
from administration.queries.rights import permission_names
from administration.rights import GRANTS, RIGHTS
from administration.services.locks import unlock_login
from administration.services.notices import mail_password_link
from administration.services.rights import change_rights
from core.errors import ApiError

# The admin page would show the secret keys of second factors.
admin.site.unregister(TOTPDevice)

# The paths of a user's document, by the field of the form.
PATHS = {
    "username": "username",
    "first_name": "firstName",
    "last_name": "lastName",
    "email": "email",
    "is_active": "isActive",
    "is_staff": "isStaff",
    "is_superuser": "isSuperuser",
    "groups": "groups",
    "user_permissions": "permissions",
    "identities": "identities",
}
ONLY_SUPERUSERS_GRANT = tuple(name for name, path in PATHS.items() if path in GRANTS)
NAMES = ("first_name", "last_name", "email")
GRANTED = tuple(name for name in ONLY_SUPERUSERS_GRANT if name != "identities")


class LoginForm(forms.ModelForm):
    """A login without its password, which nobody but its owner sets."""

    identities = identities_field()

    class Meta:
        model = User
        fields = [name for name in PATHS if name != "identities"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["identities"] = list(self.instance.identities.values("issuer", "subject"))

    def target(self) -> dict[str, Any]:
        """Return the paths and values of the fields that the user may change."""
        values: dict[str, Any] = {PATHS[name]: value for name, value in self.cleaned_data.items() if name in PATHS}
        if "groups" in values:
            values["groups"] = sorted(group.pk for group in values["groups"])
        if "permissions" in values:
            values["permissions"] = permission_names(values["permissions"].select_related("content_type"))
        return values


@admin.register(User)
class UserAdmin(LabelledPermissions, WaitingAdmin, BaseUserAdmin, KeptAdmin):  # type: ignore[misc] # what KeptAdmin narrows stays narrow
    """Only superusers grant permissions, and like everybody they need somebody else to approve it."""

    kind = RIGHTS
    permissions_field = "user_permissions"
    sidebar_icon = "person"
    form = LoginForm
    change_form_outer_after_template = "admin/administration/login_actions.html"
    fieldsets = (
        (None, {"fields": ("username",)}),
        (_("Personal info"), {"fields": NAMES}),
        (_("Permissions"), {"fields": ("is_active", *GRANTED)}),
        LINKED,
        (_("Important dates"), {"fields": ("last_login", "date_joined")}),
    )
    list_display = ["username", "first_name", "last_name", "email", "is_staff", "is_active"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    autocomplete_fields = ["groups"]
    filter_horizontal = ["user_permissions"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        own = ("last_login", "date_joined")
        return own if request.user.is_superuser else (*own, *ONLY_SUPERUSERS_GRANT)

    @display(description=_("Linked at identity providers"), empty_value="–")
    def identities(self, user: User) -> str:
        """Show the field to who may not change it."""
        return as_lines(user.identities.order_by("issuer", "subject").values("issuer", "subject"), "subject")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Colleagues are added on the page of the members, together with what they have as members."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only superusers change logins of staff and members: changing a login is enough to take it over."""
        if obj is not None and not request.user.is_superuser and is_for(obj):
            return False
        return super().has_change_permission(request, obj)

    def submit(self, request: HttpRequest, obj: Any, form: Any, *, actor: Actor, change: bool) -> Outcome:
        return change_rights(actor=actor, user_id=obj.pk, target=form.target())

    def get_urls(self) -> list[URLPattern]:
        """Without Django's page on which one user sets the password of another."""
        link = self.admin_site.admin_view(self.password_link_view)
        unlock = self.admin_site.admin_view(self.unlock_view)
        django_urls: list[URLPattern] = super(BaseUserAdmin, self).get_urls()
        return [
            path("<int:user_id>/password-link/", link, name="accounts_user_password_link"),
            path("<int:user_id>/unlock/", unlock, name="accounts_user_unlock"),
            *django_urls,
        ]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        user = context["original"]
        context |= {
            "link_address": link_address(user),
            "locked_minutes": ceil(seconds_locked(Secret(username=user.username)) / 60),
            "is_own_login": user == request.user,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def password_link_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Mail a link to set the password to the login's own address."""
        sent = gettext("A link to set the password goes to the address of this login.")
        return self._act(request, user_id, mail_password_link, done=sent)

    def unlock_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Take away the lock after wrong passwords."""
        return self._act(request, user_id, unlock_login, done=gettext("The login is unlocked. Its owner gets a mail."))

    def _act(self, request: HttpRequest, user_id: int, service: Callable[..., Any], *, done: str) -> HttpResponse:
        """POST: call the service for a login that the user may change."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        user = self.get_object(request, str(user_id))
        if user is None or not self.has_change_permission(request, user):
            raise PermissionDenied
        try:
            service(actor=member_of(request), user_id=user_id)
        except ApiError as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, done)
        return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[user_id]))
