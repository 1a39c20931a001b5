"""Shared by all admin pages of a contact: access check, page head and tabs."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.admin_actor import VisibleToActorAdmin, actor_of
from audit.access.admin import looked_in_admin
from changerequests.admin.messages import waiting_message
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest
from changerequests.queries.requests import open_requests_of
from contacts.admin.permissions import contact_permissions
from contacts.models import CONTACT_KINDS, Contact
from contacts.queries.merged import merges_into, survivor_of
from core.errors import ApiError

DETAILS = "change"
# Pages without a tab; a button opens them.
FORMS = ("edit", "anonymize", "merge", "unmerge")


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    label: str
    address: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class AddedPage:
    """A page that an app above adds, with a tab unless it has no label: `name` is its address below the contact's."""

    name: str
    label: str | Promise
    view: Callable[[VisibleToActorAdmin, HttpRequest, int], HttpResponse]
    may_open: Callable[[HttpRequest], bool]


_added_pages: list[AddedPage] = []


def register_contact_page(page: AddedPage) -> None:
    """Give every contact one more page, whose tab, if it has one, comes after those that there are."""
    _added_pages.append(page)


def added_pages() -> tuple[AddedPage, ...]:
    return tuple(_added_pages)


def opened(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> tuple[Actor, Contact]:
    """Return the actor and the contact. Raises PermissionDenied; Http404 if the actor cannot see the contact."""
    actor = actor_of(request)
    if not admin.has_view_or_change_permission(request):
        raise PermissionDenied
    contact = admin.get_queryset(request).select_related("type").filter(pk=contact_id).first()
    if actor is None or contact is None:
        raise Http404
    return actor, contact


def survivor_page(request: HttpRequest, contact_id: int, page: str = DETAILS) -> HttpResponse | None:
    """Redirect from a page of a merged contact to that of the contact that answers for it; None if it has none.

    So also if the user does not see it.
    """
    actor = actor_of(request)
    survivor_id = None if actor is None else survivor_of(actor=actor, contact_id=contact_id)
    if survivor_id is None:
        return None
    messages.info(request, _("Contact #%(id)s was merged into this one.") % {"id": contact_id})
    return HttpResponseRedirect(address_of(survivor_id, page))


def check_permission(request: HttpRequest, permission: str) -> None:
    """Raise PermissionDenied unless the user has the permission."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def contact_context(request: HttpRequest, contact: Contact, *, tab: str) -> dict[str, Any]:
    """Return the context of the page head: the contact, the permissions, the open change requests and the tabs.

    The reader has then looked at the contact.
    """
    permissions = contact_permissions(request, contact)
    looked_in_admin(request, [contact.pk])
    return {
        "title": str(contact),
        "contact": contact,
        "permissions": permissions,
        "pending_requests": [
            (request_kind(found.kind).label, found)
            for found in open_requests_of(kinds=CONTACT_KINDS, subject_id=contact.pk)
        ],
        "merges": merges_into(contact) if getattr(contact, "has_merged", True) else (),
        "tabs": _tabs(request, contact, tab),
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
    """Render a page of the contact. The template extends `admin/contacts/contact/base_tab.html`."""
    media = admin.media
    return TemplateResponse(
        request,
        template,
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


def made(request: HttpRequest, asked: ChangeRequest | None, text: str, address: str) -> HttpResponse:
    """Redirect to `address` and show the text there or, if the change waits, that it does."""
    if asked is None:
        return done(request, text, address)
    messages.warning(request, waiting_message(request, asked.pk))
    return HttpResponseRedirect(address)


def refused(request: HttpRequest, error: ApiError, address: str) -> HttpResponse:
    """Redirect to `address` and show the error there."""
    told = [str(text) for texts in (error.properties or {}).values() for text in texts]
    messages.error(request, " ".join([str(error), *told]))
    return HttpResponseRedirect(address)


def _tabs(request: HttpRequest, contact: Contact, current: str) -> list[Tab]:
    names = {
        DETAILS: _("Details"),
        "changes": _("History"),
        "requests": _("Change requests"),
        "connections": _("Connections"),
        "channels": _("Channels"),
        "picture": _("Picture"),
        **{page.name: str(page.label) for page in _added_pages if page.label and page.may_open(request)},
    }
    return [Tab(name, label, address_of(contact.pk, name), name == current) for name, label in names.items()]
