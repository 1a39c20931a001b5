"""Absences: members enter their own, and those with the permission the absences of others."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_actor import CappedAdmin, actor_of
from accounts.models import Member
from accounts.queries import holders_of
from changerequests.models import Absence
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.revisions import utc_today

# The substitute decides on all of these, also after the absence, so they are fixed once it has begun.
FIXED = ("member", "substitute", "starts_on")


class AbsenceForm(forms.ModelForm):
    """An absence that begins today or later or, if it has begun, another end, as the triggers require."""

    def clean_substitute(self) -> Any:
        """Check the constraint also where the form does not show the member, when Django leaves it to the database."""
        substitute = self.cleaned_data["substitute"]
        if substitute.pk == self.instance.member_id:
            raise ValidationError(gettext("A member cannot be its own substitute."))
        return substitute

    def clean_starts_on(self) -> Any:
        return _from_today_on(self.cleaned_data["starts_on"], gettext("An absence begins today or later."))

    def clean_ends_on(self) -> Any:
        return _from_today_on(self.cleaned_data["ends_on"], gettext("An absence ends today or later."))


def _from_today_on(day: Any, message: str) -> Any:
    if day < utc_today():
        raise ValidationError(message)
    return day


@admin.register(Absence)
class AbsenceAdmin(CappedAdmin):
    """An absence that has begun can only end earlier or later: whom it has excluded from deciding stays excluded."""

    sidebar_icon = "event_busy"
    form = AbsenceForm
    fields = [*FIXED, "ends_on"]
    list_display = ["member", "substitute", "starts_on", "ends_on", "is_current"]
    list_select_related = ["member__user", "substitute__user"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Absence]:
        """Return the absences that the user may see: all of them or, without a permission, those that concern it."""
        rows = super().get_queryset(request).select_related(*self.list_select_related)
        if _may(request, "view", "add", "change", "delete"):
            return rows
        return rows.filter(Q(member=_own_id(request)) | Q(substitute=_own_id(request)))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        return FIXED if obj.starts_on <= utc_today() else ("member",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"member": _own_id(request), "starts_on": utc_today()}

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer as members oneself, or all for those with the permission; as substitutes active reviewers."""
        members = Member.objects.filter(user__is_active=True).select_related("user").order_by("user__last_name", "pk")
        if db_field.name == "substitute":
            members = members.filter(user__in=holders_of(REVIEW_PERMISSION))
        elif not _may(request, "add"):
            members = members.filter(pk=_own_id(request) or 0)
        return super().formfield_for_foreignkey(db_field, request, queryset=members, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and _own_id(request) == obj.substitute_id:
            return True
        return _may(request, "view", "add", "change", "delete") or _is_own(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may(request, "add") or _is_own(request, None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.ends_on < utc_today():
            return False
        return _may(request, "change") or _is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if not isinstance(obj, Absence) or obj.starts_on <= utc_today():
            return False
        return _may(request, "delete") or _is_own(request, obj)

    @display(description=_("today"), boolean=True)
    def is_current(self, absence: Absence) -> bool:
        return absence.starts_on <= utc_today() <= absence.ends_on


def _may(request: HttpRequest, *actions: str) -> bool:
    """Return whether the user has the permission for one of these actions on everybody's absences."""
    return any(request.user.has_perm(f"changerequests.{action}_absence") for action in actions)


def _own_id(request: HttpRequest) -> int | None:
    actor = actor_of(request)
    return None if actor is None else actor.member_id


def _is_own(request: HttpRequest, absence: Absence | None) -> bool:
    """Return whether the user is the absent member; without an absence, whether it is a member at all."""
    own = _own_id(request)
    return own is not None and (absence is None or absence.member_id == own)
