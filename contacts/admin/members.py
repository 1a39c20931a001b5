"""The contacts that a member looks after, on the member's page."""

from typing import Any

from django.db.models import ForeignKey, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin_actor import actor_of
from accounts.admin_inputs import PagedInline
from administration.admin.members import MemberPart, register_member_part
from contacts.admin.access import save_assignments
from contacts.admin.shown_contacts import ShownContactsFormSet, shown_to
from contacts.models import Contact, ContactAssignment
from contacts.permissions import MAY_CHANGE


class _AssignmentInline(PagedInline):
    """The contacts that a member looks after, as far as who looks at them sees them."""

    model = ContactAssignment
    fields = ["contact"]
    extra = 0
    hide_title = True
    per_page: int | None = 50

    def may_assign(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(MAY_CHANGE)) and actor_of(request) is not None

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
    formset = ShownContactsFormSet
    verbose_name = _("assigned contact")
    verbose_name_plural = _("assigned contacts")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactAssignment]:
        rows = super().get_queryset(request).filter(contact__in=_visible_contacts(request))
        return rows.select_related("contact").defer("contact__details").order_by("pk")

    def get_formset(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> Any:
        return shown_to(request, super().get_formset(request, obj, **kwargs))


class NewAssignmentInline(_AssignmentInline):
    """Apart from the others, because an assignment is never turned into that of somebody else."""

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


register_member_part(
    MemberPart(model=ContactAssignment, inlines=[AssignedInline, NewAssignmentInline], save=save_assignments)
)
