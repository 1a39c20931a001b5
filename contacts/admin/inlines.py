"""Inlines for a contact's participants and assigned members."""

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin_inputs import PagedInline
from contacts.models import ContactAssignment, ContactParticipant
from contacts.permissions import MAY_CHANGE


class _LinkInline(PagedInline):
    """Rows are added and deleted by users with `contacts.change_contact`, and never edited."""

    extra = 0
    hide_title = True

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_CHANGE)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_CHANGE)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(MAY_CHANGE)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ParticipantInline(_LinkInline):
    model = ContactParticipant
    autocomplete_fields = ["participant"]
    verbose_name = _("participant")
    verbose_name_plural = _("participants")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactParticipant]:
        return super().get_queryset(request).select_related("participant").order_by("participant__name")


class AssignmentInline(_LinkInline):
    model = ContactAssignment
    autocomplete_fields = ["member"]
    verbose_name = _("relationship manager")
    verbose_name_plural = _("relationship managers")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactAssignment]:
        return super().get_queryset(request).select_related("member__user").order_by("pk")
