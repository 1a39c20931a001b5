"""Django's forms for subjects whose changes may wait."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.admin_actor import CappedAdmin, RefusableAdmin, member_of
from changerequests.admin.messages import may_see_requests
from changerequests.kinds import request_kind
from changerequests.queries.requests import open_request_of


class OpenRequestAdmin(CappedAdmin):
    """Forms that say above them that a request of the kind `kind` about their subject is open, with a link to it."""

    kind: str
    change_form_outer_before_template = "admin/changerequests/includes/open_request_above.html"

    class Media:
        css = {"all": ["core/details.css", "core/controls.css"]}

    def subject_id(self, obj: Any) -> int | None:
        """Return the id of the subject whose page this is."""
        return None if obj is None else obj.pk

    def lock(self, request: HttpRequest, obj: Model) -> None:
        subject_id = self.subject_id(obj)
        if subject_id is not None:
            request_kind(self.kind).lock(actor=member_of(request), subject_id=subject_id)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False, **others: Any
    ) -> HttpResponse:
        subject_id = self.subject_id(others.get("obj"))
        if change and subject_id is not None:
            context["open_request"] = open_request_of(kind=self.kind, subject_id=subject_id)
            context["may_open_requests"] = may_see_requests(request)
        return super().render_change_form(request, context, add=add, change=change, **others)


class AskingAdmin(RefusableAdmin):
    """Forms that save through services which may open a request instead.

    Where what a form sent waits, Django neither logs a change nor says that there was one.
    """

    def say_that_it_waits(self, request: HttpRequest, text: str) -> None:
        """Show the message that what the form sent waits. Call it from the method that saves or deletes."""
        messages.warning(request, text)
        vars(request)["waits_for_approval"] = True

    def waits(self, request: HttpRequest) -> bool:
        """Return whether what the form sent waits."""
        return bool(vars(request).get("waits_for_approval"))

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if self.waits(request) else super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if self.waits(request) else super().log_change(request, obj, message)

    def response_add(self, request: HttpRequest, obj: Model, post_url_continue: str | None = None) -> HttpResponse:
        is_chosen = IS_POPUP_VAR in request.POST and obj.pk is not None
        if self.waits(request) and not is_chosen:
            return self.response_post_save_add(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Model) -> HttpResponse:
        if not self.waits(request):
            return super().response_change(request, obj)
        if "_continue" in request.POST:
            return HttpResponseRedirect(request.get_full_path())
        return self.response_post_save_change(request, obj)
