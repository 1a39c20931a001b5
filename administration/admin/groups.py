"""Groups of permissions."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.actor import Actor
from accounts.admin_actor import member_of
from administration.admin.base import WaitingAdmin
from administration.admin.provider_fields import ProviderPairsField, as_lines
from administration.labels import permission_label
from administration.openings import openings_of
from administration.outcomes import Outcome
from administration.permissions import by_area, offered_permissions
from administration.queries.rights import permission_names
from administration.rights import GROUP_RIGHTS
from administration.roles import text_of
from administration.services.groups import change_group, create_group, delete_group

admin.site.unregister(Group)


class LabelledPermissions:
    """For admins with the permissions field `permissions_field`: it offers what something asks for, in words."""

    permissions_field: str

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]
        field = form.base_fields.get(self.permissions_field)
        if field is not None:
            held = [] if obj is None else list(getattr(obj, self.permissions_field).values_list("pk", flat=True))
            field.queryset = offered_permissions(held)
            field.label_from_instance = permission_label
        return form


class GroupForm(forms.ModelForm):
    provider_groups = ProviderPairsField(
        name="name",
        label=_("Groups at identity providers"),
        hint=_(
            "Their members join this group at the next login, and everybody else leaves it. One per line: the "
            "issuer, a space, and the group as the provider names it."
        ),
    )

    class Meta:
        model = Group
        fields = ["name", "permissions"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.initial["provider_groups"] = list(self.instance.provider_groups.values("issuer", "name"))


@admin.register(Group)
class GroupAdmin(LabelledPermissions, WaitingAdmin, BaseGroupAdmin):  # type: ignore[misc] # as with UserAdmin
    """Only superusers change groups, because groups grant permissions."""

    kind = GROUP_RIGHTS
    permissions_field = "permissions"
    sidebar_icon = "group"
    form = GroupForm
    fields = ["name", "permissions", "provider_groups"]
    change_form_outer_after_template = "admin/auth/group/role.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        group = kwargs.get("obj")
        if group is not None:
            names = permission_names(group.permissions.select_related("content_type"))
            context["role_text"] = text_of(group.name, names)
            context["role_areas"] = [
                (area, [(words, openings_of(name)) for name, words in permissions])
                for area, permissions in by_area(names)
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    def submit(self, request: HttpRequest, obj: Any, form: Any, *, actor: Actor, change: bool) -> Outcome:
        names = permission_names(form.cleaned_data["permissions"].select_related("content_type"))
        name = form.cleaned_data["name"]
        target = {"permissions": names, "providerGroups": form.cleaned_data["provider_groups"]}
        if change:
            return change_group(actor=actor, group_id=obj.pk, target={"name": name, **target})
        outcome = create_group(actor=actor, name=name, target=target)
        obj.pk = outcome.subject_id
        return outcome

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_group(actor=member_of(request), group_id=obj.pk)

    @display(description=_("Groups at identity providers"), empty_value="–")
    def provider_groups(self, group: Group) -> str:
        """Show the field to who may not change it."""
        return as_lines(group.provider_groups.order_by("issuer", "name").values("issuer", "name"), "name")
