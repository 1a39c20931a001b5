"""Shared by the queue, the review page and the bulk pages: permissions and the URLs between them."""

from typing import Any

from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from accounts.admin_actor import VisibleToActorAdmin, actor_of, actor_of_list
from changerequests.addresses import ASSIGNED, MINE, TURN, page_address
from changerequests.models import ChangeRequest, Status
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries.searching import requests_to_decide
from changerequests.queries.sight import seen_request, seen_requests
from core.errors import NotFound

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

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeRequest]:
        """Return the visible requests. For `TurnFilter`, what is seen through absent members counts, too."""
        turn = request.GET.get(TURN)
        actor = actor_of_list(request) if turn in (MINE, ASSIGNED) else None
        if actor is None:
            return super().get_queryset(request)
        return requests_to_decide(actor) if turn == MINE else seen_requests(actor)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        """Return the request, also if the actor sees it through somebody whose substitute it is. Raises Http404."""
        try:
            return super().get_object(request, object_id, from_field)
        except Http404:
            actor = actor_of(request)
            if actor is None:
                raise
        try:
            found, _sight = seen_request(actor=actor, change_request_id=self.opts.pk.to_python(object_id))
        except (NotFound, ValidationError) as error:
            raise Http404 from error
        return found

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_review_permission(request)

    def has_review_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(REVIEW_PERMISSION)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def page_address(self, change_request_id: int, request: HttpRequest | None = None) -> str:
        """Return the URL of the request's page; with `request`, it keeps the filters of the queue."""
        address = page_address(change_request_id)
        return address if request is None else self._with_filters(request, address)

    def queue_address(self, request: HttpRequest) -> str:
        """Return the URL of the queue with the filters that `request` carries."""
        return self._with_filters(request, reverse("admin:changerequests_changerequest_changelist"))

    def act_address(self, name: str, change_request_id: int, request: HttpRequest) -> str:
        """Return the URL of an act about the request, with the filters of the queue."""
        return self._with_filters(
            request, reverse(f"admin:changerequests_changerequest_{name}", args=[change_request_id])
        )

    def _with_filters(self, request: HttpRequest, address: str) -> str:
        """Return an address that keeps the filters that `request` carries."""
        context: dict[str, Any] = {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}
        return add_preserved_filters(context, address)
