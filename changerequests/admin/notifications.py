"""The page with a member's own notifications."""

from dataclasses import dataclass
from datetime import time

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from accounts.actor import Actor
from accounts.admin_actor import CappedPaginator, actor_of, actor_of_list
from changerequests.admin.messages import may_see_requests
from changerequests.looking import listed_in_admin
from changerequests.models import ChangeRequest, DailyDigest, Notification
from changerequests.queries.notifications import unread_of, visible_requests
from changerequests.services.daily_digests import choose_daily_digest
from changerequests.services.notifications import read_notification, read_notifications

Event = Notification.Event
PAGE_SIZE = 30
# The tab with all of them; the other one has those that are unread.
ALL = "all"
COLOURS = {
    Event.APPROVED: "success",
    Event.REJECTED: "danger",
    Event.RETURNED: "warning",
    Event.CANCELLED: "info",
    Event.COMMENTED: "info",
    Event.ASSIGNED: "info",
    Event.DUE_SOON: "warning",
    Event.ESCALATED: "danger",
}


class ReadForm(forms.Form):
    """What was read: one notification, or all up to the latest one of the page."""

    notification = forms.IntegerField(required=False)
    up_to = forms.IntegerField(required=False)


@dataclass(frozen=True, slots=True)
class Line:
    """A notification as the page shows it. `request` is None if its reader does not see it any more."""

    notification: Notification
    colour: str
    request: ChangeRequest | None


@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    """Render the member's own notifications, latest first: the unread ones, or all. Raises PermissionDenied."""
    actor = actor_of_list(request)
    if actor is None:
        raise PermissionDenied
    is_all = request.GET.get("show") == ALL
    own = Notification.objects.filter(member=actor.member_id) if is_all else unread_of(actor.member_id)
    page = CappedPaginator(own.order_by("-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = list(page)
    # What "all" is, when they are marked as read: on the first page alone, the latest one is known.
    has_unread = page.number == 1 and any(row.read_at is None for row in rows)
    lines = _lines(rows, actor)
    listed_in_admin(request, [line.request for line in lines if line.request is not None])
    context = {
        **admin.site.each_context(request),
        "title": gettext("Notifications"),
        "page": page,
        "lines": lines,
        "show": ALL if is_all else "",
        "query": f"show={ALL}&" if is_all else "",
        "up_to": rows[0].pk if has_unread else None,
        "has_digest": DailyDigest.objects.filter(member=actor.member_id).exists(),
        "digest_hour": time(settings.DIGEST_HOUR),
        "may_open_requests": may_see_requests(request),
    }
    return TemplateResponse(request, "admin/changerequests/notifications.html", context)


@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark one notification as read, or all up to one. Raises PermissionDenied; Http404."""
    actor = actor_of(request)
    if actor is None:
        raise PermissionDenied
    form = ReadForm(request.POST)
    if not form.is_valid():
        raise Http404
    if (notification_id := form.cleaned_data["notification"]) is not None:
        read_notification(actor=actor, notification_id=notification_id)
    elif (up_to := form.cleaned_data["up_to"]) is not None:
        read_notifications(actor=actor, up_to=up_to)
    return HttpResponseRedirect(_address(request.POST.get("show")))


@require_POST
def digest(request: HttpRequest) -> HttpResponse:
    """Have the daily digest mailed to the member from now on, or stop it. Raises PermissionDenied."""
    actor = actor_of(request)
    if actor is None:
        raise PermissionDenied
    is_wanted = request.POST.get("wanted") == "yes"
    choose_daily_digest(actor=actor, is_wanted=is_wanted)
    text = gettext("You get the mail from the next working day on.") if is_wanted else gettext("You get no more mails.")
    messages.success(request, text)
    return HttpResponseRedirect(_address(request.POST.get("show")))


def _lines(rows: list[Notification], actor: Actor) -> list[Line]:
    requests = visible_requests(rows, actor=actor)
    return [Line(row, COLOURS[Event(row.event)], requests.get(row.request_id)) for row in rows]


def _address(show: str | None) -> str:
    address = reverse("notifications")
    return f"{address}?show={ALL}" if show == ALL else address
