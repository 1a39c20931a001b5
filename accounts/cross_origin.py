"""Calls from pages of other origins (CORS): exactly the registered origins of applications, and never cookies."""

import re
import time
from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from accounts.models import ClientApplication
from core.correlation import HEADER

# What applications call: not pages, which are for people who are logged in.
PATHS = re.compile(r"/v\d|/graphql|/connect/(token|revoke)$")
REMEMBERED_SECONDS = 30
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": f"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, {HEADER}",
    "Access-Control-Max-Age": "600",
}
EXPOSED = {
    "Access-Control-Expose-Headers": (
        "Content-Disposition, Deprecation, ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, "
        f"Retry-After, WWW-Authenticate, {HEADER}"
    )
}


class CrossOriginMiddleware:
    """Let pages of registered origins call the API and get tokens. Answers preflights before anything else runs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request that has an origin."""
        if PATHS.match(request.path_info) is None:
            return self.get_response(request)
        origin = request.META["HTTP_ORIGIN"]
        is_preflight = request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META
        response = HttpResponse(status=204) if is_preflight else self.get_response(request)
        if origin in registered_origins():
            response["Access-Control-Allow-Origin"] = origin
            for name, value in (PREFLIGHT if is_preflight else EXPOSED).items():
                response[name] = value
        patch_vary_headers(response, ("Origin",))
        return response


def registered_origins() -> frozenset[str]:
    """Return the origins of applications that are not closed. Runs a query once in half a minute and process."""
    return _origins_in(int(time.monotonic() // REMEMBERED_SECONDS))


@lru_cache(maxsize=1)
def _origins_in(_period: int) -> frozenset[str]:
    applications = ClientApplication.objects.exclude(allowed_origins="").exclude(allowed_scopes="")
    found = applications.values_list("allowed_origins", flat=True)
    return frozenset(origin for origins in found for origin in origins.split())


def forget_origins() -> None:
    _origins_in.cache_clear()
