"""Groups of permissions."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.actor import Actor
from accounts.admin_actor import member_of
from administration.admin.base import WaitingAdmin
from administration.admin.provider_fields import ProviderPairsField, as_lines
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


class GroupForm(forms.ModelForm):
    provider_groups = ProviderPairsField(
        name="name",
        label=_("Groups at identity providers"),
        hint=_(
            "Whoever is in one of them gets into this group at the next login, and whoever is in none gets out of it. "
            "One per line: the issuer, a space, and the group as the provider names it."
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
    sidebar_icon = "group"
    form = GroupForm
    fields = ["name", "permissions", "provider_groups"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

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
