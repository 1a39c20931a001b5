"""Django's forms for subjects whose changes may wait."""

from typing import Any

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.admin_actor import RefusableAdmin


class AskingAdmin(RefusableAdmin):
    """Forms that save through services which may open a request instead.

    Where everything that a form sent waits, Django neither logs a change nor says that there was one.
    """

    def say_that_all_waits(self, request: HttpRequest, text: str) -> None:
        """Show the message that what the form sent waits. Call it from `save_related`."""
        messages.warning(request, text)
        vars(request)["has_all_to_wait"] = True

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if _has_all_to_wait(request) else super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if _has_all_to_wait(request) else super().log_change(request, obj, message)

    def response_add(self, request: HttpRequest, obj: Model, post_url_continue: str | None = None) -> HttpResponse:
        if _has_all_to_wait(request):
            return self.response_post_save_add(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Model) -> HttpResponse:
        if _has_all_to_wait(request):
            return HttpResponseRedirect(request.path)
        return super().response_change(request, obj)


def _has_all_to_wait(request: HttpRequest) -> bool:
    return bool(vars(request).get("has_all_to_wait"))
