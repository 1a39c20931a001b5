"""Shared by all admin pages of a contact: access check, page head and tabs."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.admin_actor import VisibleToActorAdmin, actor_of
from changerequests.models import ChangeRequest, Status
from contacts.admin.permissions import contact_permissions
from contacts.models import Contact
from core.errors import ApiError

DETAILS = "change"
# Pages without a tab; a button opens them.
FORMS = ("edit", "anonymize")


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    label: str
    address: str
    is_current: bool


def opened(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> tuple[Actor, Contact]:
    """Return the actor and the contact. Raises PermissionDenied; Http404 if the actor cannot see the contact."""
    actor = actor_of(request)
    if not admin.has_view_or_change_permission(request):
        raise PermissionDenied
    contact = admin.get_queryset(request).select_related("type").filter(pk=contact_id).first()
    if actor is None or contact is None:
        raise Http404
    return actor, contact


def check_permission(request: HttpRequest, permission: str) -> None:
    """Raise PermissionDenied unless the user has the permission."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def contact_context(request: HttpRequest, contact: Contact, *, tab: str) -> dict[str, Any]:
    """Return the context of the page head: the contact, the permissions, the pending change request and the tabs."""
    permissions = contact_permissions(request, contact)
    pending = ChangeRequest.objects.filter(subject=contact, status=Status.PENDING).select_related(
        "initiator_member__user"
    )
    return {
        "title": str(contact),
        "contact": contact,
        "permissions": permissions,
        "pending_request": pending.defer("changes").first(),
        "tabs": _tabs(contact, tab, may_see_groups=permissions.may_see_groups),
        "is_form": tab in FORMS,
    }


def contact_page(
    admin: VisibleToActorAdmin,
    request: HttpRequest,
    contact: Contact,
    *,
    tab: str,
    template: str,
    status: int = HTTPStatus.OK,
    **context: Any,
) -> HttpResponse:
    """Render `templates/admin/contacts/contact/<template>` as a page of the contact."""
    media = admin.media
    return TemplateResponse(
        request,
        f"admin/contacts/contact/{template}",
        {
            **admin.admin_site.each_context(request),
            "opts": admin.opts,
            "original": contact,
            "media": media,
            **contact_context(request, contact, tab=tab),
            **context,
        },
        status=status,
    )


def address_of(contact_id: int, page: str = DETAILS) -> str:
    return reverse(f"admin:contacts_contact_{page}", args=[contact_id])


def done(request: HttpRequest, text: str, address: str) -> HttpResponse:
    messages.success(request, text)
    return HttpResponseRedirect(address)


def refused(request: HttpRequest, error: ApiError, address: str) -> HttpResponse:
    """Redirect to `address` and show the error there."""
    told = [str(text) for texts in (error.properties or {}).values() for text in texts]
    messages.error(request, " ".join([str(error), *told]))
    return HttpResponseRedirect(address)


def _tabs(contact: Contact, current: str, *, may_see_groups: bool) -> list[Tab]:
    names = {
        DETAILS: _("Details"),
        "changes": _("History"),
        "requests": _("Change requests"),
        **({"groups": _("Groups")} if may_see_groups else {}),
        "connections": _("Connections"),
        "channels": _("Channels"),
        "picture": _("Picture"),
    }
    return [Tab(name, label, address_of(contact.pk, name), name == current) for name, label in names.items()]
