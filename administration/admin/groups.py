"""Groups of permissions, and how permissions are named."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext

from accounts.admin_actor import CappedAdmin

admin.site.unregister(Group)


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


@admin.register(Group)
class GroupAdmin(LabelledPermissions, BaseGroupAdmin, CappedAdmin):  # type: ignore[misc] # as with UserAdmin
    """Only superusers change groups, because groups grant permissions."""

    sidebar_icon = "group"
    actions = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser
