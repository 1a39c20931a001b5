"""Addresses of the admin's queue and of what else mails and the dashboard link to."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from changerequests.models import Status

# Filters of the queue and their values: whose turn it is, what is due, who asked.
TURN, MINE, ASSIGNED = "turn", "mine", "assigned"
DUE, OVERDUE = "due", "overdue"
INITIATOR = "initiator_member__id__exact"


def queue_address(status: Status, **filters: Any) -> str:
    """Return the path of the list of requests with this status and these filters."""
    query = urlencode({"status": status.value, **filters})
    return f"{reverse('admin:changerequests_changerequest_changelist')}?{query}"


def work_addresses(member_id: int | None, *, rejected_since: datetime) -> dict[str, str]:
    """Return the path of the list behind each number of a member's work, by its name in `Figures`."""
    own = {INITIATOR: member_id}
    return {
        "to_decide": queue_address(Status.PENDING, **{TURN: MINE}),
        "overdue": queue_address(Status.PENDING, **{TURN: MINE, DUE: OVERDUE}),
        "returned": queue_address(Status.RETURNED, **own),
        "rejected": queue_address(Status.REJECTED, **own, reviewed_at__gte=rejected_since.isoformat()),
        "waiting": queue_address(Status.PENDING, **own),
    }


def page_address(change_request_id: int) -> str:
    """Return the path of a request's page."""
    return reverse("admin:changerequests_changerequest_change", args=[change_request_id])


def public(path: str) -> str:
    """Return the URL of a path for a mail; empty if PUBLIC_URL is not set."""
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else ""
