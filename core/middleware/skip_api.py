"""Static files, session, authentication, messages and CSP middleware that skip API requests.

The API authenticates by bearer token only, and together these would take as long as reading a contact. Django's
CsrfViewMiddleware is not wrapped: it costs next to nothing, and the system checks require it.
"""

import re
from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from whitenoise.middleware import WhiteNoiseMiddleware

API = re.compile(r"/v\d|/graphql")
API_POLICY = "default-src 'none'; frame-ancestors 'none'"


def is_api(request: HttpRequest) -> bool:
    """Return whether the request is for an API operation rather than a page."""
    return API.match(request.path_info) is not None


class _SkipApi:
    """Mixin that skips the middleware for API requests."""

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        if is_api(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class SkipApiStaticFilesMiddleware(_SkipApi, WhiteNoiseMiddleware):
    pass


class SkipApiSessionMiddleware(_SkipApi, SessionMiddleware):
    pass


class SkipApiAuthenticationMiddleware(_SkipApi, AuthenticationMiddleware):
    pass


class SkipApiMessageMiddleware(_SkipApi, MessageMiddleware):
    pass


class SkipApiCspMiddleware(CSPMiddleware):
    """Build the content security policy for pages only; API responses get a constant one that denies everything."""

    def __call__(self, request: HttpRequest) -> Any:
        if not is_api(request):
            return super().__call__(request)
        response: Any = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", API_POLICY)
        return response
