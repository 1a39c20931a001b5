"""Members. Apps above add what they know about a member to its page."""

from django import forms
from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_actor import RefusableAdmin
from accounts.models import STANDS_ABOVE, Member
from accounts.triggers import MEMBERS_ARE_A_TREE
from administration.admin.base import KeptAdmin
from core.errors import UnprocessableEntity, map_integrity_error


@admin.register(Member)
class MemberAdmin(RefusableAdmin, KeptAdmin):
    sidebar_icon = "badge"
    list_display = ["name", "username", "manager", "participant_names", "sees_all_contacts", "is_active"]
    list_filter = ["participants", "sees_all_contacts", "user__is_active"]
    list_select_related = ["user", "manager__user"]
    search_fields = ["user__first_name", "user__last_name", "user__username"]
    search_help_text = _("Name or username")
    ordering = ["user__last_name", "user__first_name", "id"]
    autocomplete_fields = ["user", "manager", "participants"]
    fields = ["user", "manager", "participants", "sees_all_contacts", "uid"]
    inlines: list[type[InlineModelAdmin]] = []

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """A member's user never changes, because the history attributes the member's actions to that person."""
        return ["uid"] if obj is None else ["uid", "user"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        rows = super().get_queryset(request).select_related("user", "manager__user")
        return rows.prefetch_related("participants")

    def save_model(self, request: HttpRequest, obj: Model, form: forms.ModelForm, change: bool) -> None:
        """Raise UnprocessableEntity if the manager was moved below this member after the form was validated."""
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


def register_member_inline(inline: type[InlineModelAdmin]) -> None:
    """Show an inline on the member's page, below those that are registered already."""
    MemberAdmin.inlines.append(inline)
