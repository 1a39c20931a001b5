"""The groups of a contact, as one of the contact's pages."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.admin_actor import VisibleToActorAdmin
from audit.access.admin import looked_in_admin
from audit.access.models import Way
from contactgroups.permissions import MAY_CHANGE, MAY_VIEW
from contactgroups.queries import contacts_shown, linked_counts, memberships_of_contact, with_visible_members
from contacts.admin.base import AddedPage, contact_page, opened, register_contact_page

MAY_SEE_GROUPS = (MAY_VIEW, MAY_CHANGE)
OTHERS_SHOWN = 6


def may_see_groups(request: HttpRequest) -> bool:
    return any(request.user.has_perm(right) for right in MAY_SEE_GROUPS)


def groups_page(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """The groups that a contact is in, with its policy there and the others whom the member sees."""
    actor, contact = opened(admin, request, contact_id)
    if not may_see_groups(request):
        raise PermissionDenied
    memberships: list[Any] = list(memberships_of_contact(contact_id=contact.pk))
    groups = with_visible_members([row.group for row in memberships], actor=actor, limit=OTHERS_SHOWN + 1)
    counts = linked_counts([group.pk for group in groups])
    for row in memberships:
        row.linked_count = counts.get(row.group_id, 0)
        row.others = [other.contact for other in row.group.visible_members if other.contact_id != contact.pk]
    looked_in_admin(request, contacts_shown(groups, limit=OTHERS_SHOWN), way=Way.LISTED)
    return contact_page(
        admin,
        request,
        contact,
        tab=GROUPS.name,
        template="admin/contactgroups/contact_page.html",
        memberships=memberships,
        shown=OTHERS_SHOWN,
    )


GROUPS = AddedPage(name="groups", label=_("Groups"), view=groups_page, may_open=may_see_groups)
register_contact_page(GROUPS)
