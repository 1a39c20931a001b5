"""Messages about requests on the pages of their subjects."""

from collections.abc import Sequence

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext

from changerequests.permissions import REVIEW_PERMISSION

# Who may open requests in the admin.
MAY_SEE_REQUESTS = ("changerequests.view_changerequest", REVIEW_PERMISSION)


def may_see_requests(request: HttpRequest) -> bool:
    return any(request.user.has_perm(permission) for permission in MAY_SEE_REQUESTS)


def waiting_message(request: HttpRequest, change_request_id: int, labels: Sequence[str] = ()) -> str:
    """Return the message that a change waits as a request, with a link for who may open it.

    `labels` are the fields because of which it waits, where others would not.
    """
    if not labels:
        return format_html(
            gettext("Nothing has changed yet: {} is pending approval."), request_link(request, change_request_id)
        )
    text = ngettext(
        "Nothing has changed yet: {} is pending approval, because {} requires it.",
        "Nothing has changed yet: {} is pending approval, because these fields require it: {}.",
        len(labels),
    )
    return format_html(text, request_link(request, change_request_id), ", ".join(labels))


def request_link(request: HttpRequest, change_request_id: int) -> str:
    """Return "change request #1", as a link if the user may open it."""
    return named_request(change_request_id, is_link=may_see_requests(request))


def named_request(change_request_id: int, *, is_link: bool) -> str:
    """Return "change request #1", as a link if it shall be one."""
    text = gettext("change request #%(id)s") % {"id": change_request_id}
    if not is_link:
        return text
    address = reverse("admin:changerequests_changerequest_change", args=[change_request_id])
    return format_html('<a class="k-link" href="{}">{}</a>', address, text)
