"""Shared by the queue, the review page and the bulk pages: permissions and the URLs between them."""

from typing import Any

from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from accounts.admin_actor import VisibleToActorAdmin
from changerequests.models import ChangeRequest, Status
from changerequests.permissions import REVIEW_PERMISSION

OUTDATED = "outdated"
STATE_COLOURS: dict[Any, str] = {
    Status.PENDING: "warning",
    Status.APPROVED: "success",
    Status.REJECTED: "danger",
    Status.CANCELLED: "info",
    Status.RETURNED: "info",
    OUTDATED: "danger",
}
COMMENT_LENGTH = 2000


def state_of(change_request: ChangeRequest, *, is_outdated: bool) -> tuple[Any, str]:
    """Return the state of a request, a key of STATE_COLOURS, and its name.

    An open request that cannot be approved any more, because values have changed, is outdated.
    """
    if is_outdated and change_request.is_open:
        return OUTDATED, gettext("Outdated")
    return Status(change_request.status), change_request.get_status_display()


class RequestAdmin(VisibleToActorAdmin):
    """Requests visible to the actor. Reviewers may view them; no request is edited in a form."""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_review_permission(request)

    def has_review_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(REVIEW_PERMISSION)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def page_address(self, change_request_id: int, request: HttpRequest | None = None) -> str:
        """Return the URL of the request's page; with `request`, it keeps the filters of the queue."""
        address = reverse("admin:changerequests_changerequest_change", args=[change_request_id])
        return address if request is None else self.with_filters(request, address)

    def queue_address(self, request: HttpRequest) -> str:
        """Return the URL of the queue with the filters that `request` carries."""
        return self.with_filters(request, reverse("admin:changerequests_changerequest_changelist"))

    def with_filters(self, request: HttpRequest, address: str) -> str:
        """Return an address that keeps the filters that `request` carries."""
        context: dict[str, Any] = {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}
        return add_preserved_filters(context, address)
