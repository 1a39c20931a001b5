"""Kontor's middleware: correlation id, headers, language, time zone, and Django's own that the API skips."""

import codecs
import re
import time
from collections.abc import Callable
from datetime import UTC
from typing import Any
from uuid import uuid4

import structlog
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from whitenoise.middleware import WhiteNoiseMiddleware

from core.correlation import ACCEPTED, HEADER, as_header, correlation_id, of_body
from core.language import PARAMETER, supported

log = structlog.get_logger("kontor.request")

API = re.compile(r"/v\d|/graphql|/scim/")
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
# Deny every feature, since no page uses any. Only names that Chromium knows: it logs a warning for unknown ones.
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "encrypted-media"),
        *("fullscreen", "geolocation", "gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi"),
        *("payment", "picture-in-picture", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
    )
)


class CorrelationMiddleware:
    """Bind the id to the log context and log one line per request, without query string, body or personal data."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        identity = given if ACCEPTED.fullmatch(given) else uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(correlation_id=identity)
        of_body.set(None)
        started = time.perf_counter()
        response = self.get_response(request)
        response[HEADER] = identity if of_body.get() is None else as_header(correlation_id())
        log.info(
            "request",
            method=request.method,
            # The route, not the path: a path may contain a client's external id.
            route=request.resolver_match.route if request.resolver_match else None,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )
        return response


class HeadersMiddleware:
    """Set Permissions-Policy and Cross-Origin-Resource-Policy unless the view has set them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class LanguageMiddleware:
    """Activate the request's language and report it in Content-Language.

    It is the first to read texts of the request, so it refuses those that are not UTF-8.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.encoding is not None:
            _check_encoding(request)
        requested = request.GET.get(PARAMETER)
        if is_api(request):
            # A page of our own may send the cookie along; what the answer says must not depend on that.
            request.COOKIES.pop(settings.LANGUAGE_COOKIE_NAME, None)
        language = (requested and supported(requested)) or translation.get_language_from_request(request)
        if language == translation.get_language():  # the common case, and cheaper than activating it again
            response = self.get_response(request)
        else:
            with translation.override(language):
                response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language",))
        return response


class TimeZoneMiddleware:
    """Answer the API in UTC. Pages show the institution's time, which is Django's default."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_api(request):
            return self.get_response(request)
        with timezone.override(UTC):
            return self.get_response(request)


def _check_encoding(request: HttpRequest) -> None:
    """Raise BadRequest unless texts are UTF-8. Others, such as UTF-7, have texts that the database cannot store."""
    if codecs.lookup(str(request.encoding)).name not in ("utf-8", "ascii"):
        request.encoding = "utf-8"  # for the error page, which reads the request too
        raise BadRequest("The request is not UTF-8.")


def is_api(request: HttpRequest) -> bool:
    """Return whether the request is for an API operation rather than a page."""
    return API.match(request.path_info) is not None


class SkipApi:
    """Mixin that goes before a middleware of pages for people, and skips it for API requests.

    The API authenticates by bearer token only, and together these middleware would take as long as reading a contact.
    Django's CsrfViewMiddleware is not wrapped: it costs next to nothing, and the system checks require it.
    """

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        if is_api(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class SkipApiStaticFilesMiddleware(SkipApi, WhiteNoiseMiddleware):
    pass


class SkipApiSessionMiddleware(SkipApi, SessionMiddleware):
    pass


class SkipApiAuthenticationMiddleware(SkipApi, AuthenticationMiddleware):
    pass


class SkipApiMessageMiddleware(SkipApi, MessageMiddleware):
    pass


class SkipApiCspMiddleware(CSPMiddleware):
    """Build the content security policy for pages only; API responses get a constant one that denies everything."""

    def __call__(self, request: HttpRequest) -> Any:
        if not is_api(request):
            return super().__call__(request)
        response: Any = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", API_POLICY)
        return response
