"""The page on which somebody allows an application to act for them (authorization code flow)."""

from typing import Any
from urllib.parse import quote, urlsplit

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.views import AuthorizationView


class ConsentView(AuthorizationView):
    """Asks each time. Its answer goes to the redirect address of the request, and to no other."""

    @method_decorator(never_cache)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # The library would skip the page for an application that asks so: nobody would see it, and Chromium would
        # refuse to go on from the form of the login.
        query = request.GET.copy()
        query.pop("approval_prompt", None)
        request.GET = query  # type: ignore[assignment]
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def handle_no_permission(self) -> HttpResponseBase:
        """Redirect to the login, unless the request has a fault: it would be known only after the login."""
        try:
            self.validate_authorization_request(self.request)
        except OAuthToolkitError as error:
            refused: HttpResponseBase = self.error_response(error, application=None)
            return refused
        response: HttpResponseBase = super().handle_no_permission()
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        query = urlencode([*((name, value) for name, value in self.request.GET.items()), ("prompt", "login")])
        return {
            **super().get_context_data(**kwargs),
            "login_name": "" if isinstance(user, AnonymousUser) else user.get_full_name() or user.get_username(),
            "destination": _site(kwargs["redirect_uri"]),
            "other_login": f"{self.request.path}?{query}",
        }

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().render_to_response(context, **kwargs)
        if "redirect_uri" in context:
            response._csp_update = {"form-action": [_source(context["redirect_uri"])]}  # type: ignore[attr-defined]
        return response


def _site(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}"


def _source(redirect_uri: str) -> str:
    """Return a redirect address as the policy has it: without a query, and nothing in it that ends a source."""
    return _site(redirect_uri) + quote(urlsplit(redirect_uri).path, safe="/%~:@!$&'()*+=")
