"""The monitoring endpoints, answered before all other middleware.

Monitoring uses plain HTTP, IP addresses (`http://10.0.0.7:8000/health/live`) and no session, every few seconds. These
requests therefore bypass the host check, the HTTPS redirect, throttling and the request log.
"""

import hmac
import time
from collections.abc import Callable
from functools import cache
from http import HTTPStatus

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

from accounts.cross_origin import CrossOriginMiddleware
from core.json import rendered
from operations.health import Readiness, is_ready
from operations.metrics import CONTENT_TYPE, exposition

_REQUESTS = Counter(
    "kontor_requests", "Requests that were answered, by route and status.", ["method", "route", "status"]
)
_SECONDS = Histogram(
    "kontor_request_seconds",
    "Seconds until a request was answered, by route.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = structlog.get_logger("kontor.metrics")


def count_request(*, method: str, route: str | None, status: int, seconds: float) -> None:
    """Count an answered request. All unrouted paths share one label, which bounds the number of time series.

    Raises nothing: the request has been answered, and may have committed, whatever becomes of the files of the metrics.
    """
    try:
        counter, histogram = _rows(method if method in _METHODS else "other", route, status)
        counter.inc()
        histogram.observe(seconds)
    except Exception as error:  # the library says of no exception that it does not raise it
        _report(f"{type(error).__module__}.{type(error).__qualname__}")


@cache
def _report(kind: str) -> None:
    """Log the exception that is being handled, the first of its type in this process."""
    log.error("requests_not_counted", exc_info=True)


@cache
def _rows(method: str, route: str | None, status: int) -> tuple[Counter, Histogram]:
    labels = method, "none" if route is None else f"/{route.lstrip('^/')}"
    return _REQUESTS.labels(*labels, str(status)), _SECONDS.labels(*labels)


class OperationsMiddleware:
    """Answers `/health/live`, `/health/ready` and `/metrics`; passes on and counts all other requests."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        # Outside of the list of middleware, so that requests without an origin do not pay for it.
        self._with_origin = CrossOriginMiddleware(get_response)
        self._readiness = Readiness()
        self._answers = {"/health/live": self._live, "/health/ready": self._ready, "/metrics": self._metrics}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self._answers.get(request.path_info)
        if answer is None:
            return self._counted(request)
        if request.method not in ("GET", "HEAD"):
            response = HttpResponse(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD"})
        else:
            response = answer(request)
        response["Cache-Control"] = "no-store"
        return response

    def _counted(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        respond = self._with_origin if "HTTP_ORIGIN" in request.META else self.get_response
        response = respond(request)
        count_request(
            method=request.method or "",
            route=request.resolver_match.route if request.resolver_match else None,
            status=response.status_code,
            seconds=time.perf_counter() - started,
        )
        return response

    def _live(self, request: HttpRequest) -> HttpResponse:
        """Answer without any probe: restarting this process would not repair a database."""
        return rendered({"status": "alive"})

    def _ready(self, request: HttpRequest) -> HttpResponse:
        """Answer whether this process can serve requests, with the outcome of each probe."""
        outcomes = self._readiness.outcomes()
        ready = is_ready(outcomes, required=settings.READY_REQUIRES)
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return rendered({"status": "ready" if ready else "not ready", "checks": outcomes}, status=status)

    def _metrics(self, request: HttpRequest) -> HttpResponse:
        """Return the metrics to holders of the token; 404 if no token is set."""
        if not settings.METRICS_TOKEN:
            return HttpResponse(status=HTTPStatus.NOT_FOUND)
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        expected = settings.METRICS_TOKEN.encode()
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), expected):
            return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
        return HttpResponse(exposition(), content_type=CONTENT_TYPE)
