"""Who has a request open and to whom it is assigned, on its page."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from accounts.actor import Actor
from accounts.admin_actor import member_of
from changerequests.admin.base import RequestAdmin
from changerequests.models import ChangeRequest
from changerequests.queries.deciders import members_who_could_decide
from changerequests.services.assigning import assign_request
from changerequests.services.checks import request_to_decide
from changerequests.services.claims import claim_request, hold, release_request
from core.errors import ApiError, HeldByOthers
from core.serializers import INT32_MAX

# So many members are offered.
MOST_OFFERED = 50


class ClaimAdmin(RequestAdmin):
    """Claims the request whose page is opened by somebody who could decide it."""

    def get_urls(self) -> list[URLPattern]:
        pages = {"claim": self.claim, "assign": self.assign}
        return [
            *(
                path(
                    f"<int:change_request_id>/{name}/",
                    self.admin_site.admin_view(view),
                    name=f"changerequests_changerequest_{name}",
                )
                for name, view in pages.items()
            ),
            *super().get_urls(),
        ]

    def claim_context(
        self, request: HttpRequest, actor: Actor, change_request: ChangeRequest, *, may_decide: bool
    ) -> dict[str, Any]:
        """Claim the request if the actor may, and nobody else has; return what the page shows of it."""
        claim, may_claim = change_request.live_claim, may_decide and change_request.is_pending
        if may_claim:
            # The page is shown while somebody decides the request, too.
            with suppress(HeldByOthers):
                claim = hold(change_request, member_id=actor.member_id or 0) or claim
        return {
            "claim": claim,
            "is_claim_own": claim is not None and claim.member_id == actor.member_id,
            "assignment": change_request.present_assignment,
            "may_claim": may_claim,
            "own_id": actor.member_id,
            "claim_address": self.act_address("claim", change_request.pk, request),
            "assign_address": self.act_address("assign", change_request.pk, request),
        }

    @method_decorator(require_POST)
    def claim(self, request: HttpRequest, change_request_id: int) -> HttpResponse:
        """Take the request over, or release it: then the queue is shown, since the page would claim it again."""
        actor, asked = self._reviewer(request, change_request_id)
        if "release" in request.POST:
            release_request(actor=actor, change_request_id=asked.pk)
            messages.success(request, gettext("You have released request #%(id)s.") % {"id": asked.pk})
            return HttpResponseRedirect(self.queue_address(request))
        return self._back_to(
            request, asked, lambda: claim_request(actor=actor, change_request_id=asked.pk, take_over=True)
        )

    def assign(self, request: HttpRequest, change_request_id: int) -> HttpResponse:
        """Offer the members who could decide the request; on POST, assign it to one of them, or to nobody."""
        actor, asked = self._reviewer(request, change_request_id)
        if request.method == "POST":
            chosen = _member_id(request.POST.get("member", ""))
            return self._back_to(
                request,
                asked,
                lambda: assign_request(actor=actor, change_request_id=asked.pk, member_id=chosen),
            )
        try:
            found, current = request_to_decide(actor=actor, change_request_id=asked.pk)
        except ApiError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self.page_address(asked.pk, request))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Assign change request #%(id)s") % {"id": asked.pk},
            "media": self.media,
            "assignment": asked.present_assignment,
            "members": members_who_could_decide(found, current, most=MOST_OFFERED),
            "back": self.page_address(asked.pk, request),
        }
        return TemplateResponse(request, "admin/changerequests/changerequest/assign.html", context)

    def _reviewer(self, request: HttpRequest, change_request_id: int) -> tuple[Actor, ChangeRequest]:
        """Return the actor and the request that it sees. Raises Http404; PermissionDenied for who may not review."""
        asked: Any = self.get_object(request, str(change_request_id))
        if not self.has_review_permission(request):
            raise PermissionDenied
        return member_of(request), asked

    def _back_to(self, request: HttpRequest, asked: ChangeRequest, act: Callable[[], object]) -> HttpResponse:
        """Do it and redirect to the page of the request, which says why if it was refused."""
        try:
            act()
        except ApiError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(self.page_address(asked.pk, request))


def _member_id(sent: str) -> int | None:
    """Return the id that a form sent; None for an empty one, and 0, which nobody has, for one that is none."""
    if not sent:
        return None
    return int(sent) if sent.isascii() and sent.isdecimal() and int(sent) <= INT32_MAX else 0
