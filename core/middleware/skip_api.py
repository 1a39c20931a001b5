"""Middleware of pages for people: a session, its user, messages, files.

A request to the API is known by its bearer token alone and takes none of them, so it passes them by: together they
take as long as finding a contact. They are Django's own otherwise. The protection of forms stays in its place: it
costs next to nothing, and Django's checks look for it.
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
    """Whether the request is for an operation of the API, and not for a page."""
    return API.match(request.path_info) is not None


class _SkipApi:
    """A mixin: the middleware is skipped for requests to the API."""

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
    """The content security policy of pages is made for each; an answer of the API needs nothing at all."""

    def __call__(self, request: HttpRequest) -> Any:
        if not is_api(request):
            return super().__call__(request)
        response: Any = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", API_POLICY)
        return response
