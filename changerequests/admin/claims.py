"""Who has a request open, on its page: taking it over, and releasing it."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from accounts.actor import Actor
from accounts.admin_actor import member_of
from changerequests.admin.base import RequestAdmin
from changerequests.models import ChangeRequest
from changerequests.services.claims import claim_request, hold, release_request
from core.errors import ApiError, HeldByOthers


class ClaimAdmin(RequestAdmin):
    """Claims the request whose page is opened by somebody who could decide it."""

    def get_urls(self) -> list[URLPattern]:
        claim = self.admin_site.admin_view(self.claim)
        address = "<int:change_request_id>/claim/"
        return [path(address, claim, name="changerequests_changerequest_claim"), *super().get_urls()]

    def claim_context(self, actor: Actor, change_request: ChangeRequest, *, may_decide: bool) -> dict[str, Any]:
        """Claim the request if the actor may, and nobody else has; return what the page shows of it."""
        claim, may_claim = change_request.live_claim, may_decide and change_request.is_pending
        if may_claim:
            # The page is shown while somebody decides the request, too.
            with suppress(HeldByOthers):
                claim = hold(change_request, member_id=actor.member_id or 0) or claim
        return {
            "claim": claim,
            "is_claim_own": claim is not None and claim.member_id == actor.member_id,
            "may_claim": may_claim,
        }

    @method_decorator(require_POST)
    def claim(self, request: HttpRequest, change_request_id: int) -> HttpResponse:
        """Take the request over, or release it: then the queue is shown, since the page would claim it again."""
        asked = self.get_object(request, str(change_request_id))
        if not self.has_review_permission(request):
            raise PermissionDenied
        actor, page = member_of(request), self.page_address(asked.pk, request)
        if "release" in request.POST:
            release_request(actor=actor, change_request_id=asked.pk)
            messages.success(request, gettext("You have released request #%(id)s.") % {"id": asked.pk})
            return HttpResponseRedirect(self.queue_address(request))
        try:
            claim_request(actor=actor, change_request_id=asked.pk, take_over=True)
        except ApiError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(page)
