"""Groups of permissions."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest

from accounts.actor import Actor
from accounts.admin_actor import member_of
from administration.admin.base import WaitingAdmin
from administration.labels import permission_label
from administration.outcomes import Outcome
from administration.queries.rights import permission_names
from administration.rights import GROUP_RIGHTS
from administration.services.groups import change_group, create_group, delete_group

admin.site.unregister(Group)


class LabelledPermissions:
    """For admins with a permissions field."""

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None and db_field.name in ("user_permissions", "permissions"):
            field.label_from_instance = permission_label
        return field


@admin.register(Group)
class GroupAdmin(LabelledPermissions, WaitingAdmin, BaseGroupAdmin):  # type: ignore[misc] # as with UserAdmin
    """Only superusers change groups, because groups grant permissions."""

    kind = GROUP_RIGHTS
    sidebar_icon = "group"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def submit(self, request: HttpRequest, obj: Any, form: Any, *, actor: Actor, change: bool) -> Outcome:
        names = permission_names(form.cleaned_data["permissions"].select_related("content_type"))
        name = form.cleaned_data["name"]
        if change:
            return change_group(actor=actor, group_id=obj.pk, target={"name": name, "permissions": names})
        outcome = create_group(actor=actor, name=name, permissions=names)
        obj.pk = outcome.subject_id
        return outcome

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_group(actor=member_of(request), group_id=obj.pk)
