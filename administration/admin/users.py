"""Users: logins and their permissions."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.db.models import Model
from django.http import HttpRequest
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.closing import run_closing_handlers
from accounts.models import Member, User
from administration.admin.base import KeptAdmin
from administration.admin.groups import LabelledPermissions

# The admin page would show the secret keys of second factors.
admin.site.unregister(TOTPDevice)

ONLY_SUPERUSERS_GRANT = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class UserAdmin(LabelledPermissions, BaseUserAdmin, KeptAdmin):  # type: ignore[misc] # what KeptAdmin narrows stays narrow
    """Only superusers grant permissions: other staff who may change users could grant themselves everything."""

    sidebar_icon = "person"
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

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and not obj.is_active and "is_active" in form.changed_data:
            run_closing_handlers([obj.pk])

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only superusers change logins of staff and members: changing a login is enough to take it over."""
        if obj is not None and not request.user.is_superuser and (obj.is_staff or obj.is_superuser or _is_member(obj)):
            return False
        return super().has_change_permission(request, obj)


def _is_member(user: User) -> bool:
    return Member.objects.filter(user=user).exists()
