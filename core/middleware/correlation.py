"""Correlation ids and the request log."""

import time
from collections.abc import Callable
from uuid import uuid4

import structlog
from django.http import HttpRequest, HttpResponse

from core.correlation import ACCEPTED, HEADER, correlation_id

log = structlog.get_logger("kontor.request")


class CorrelationMiddleware:
    """Bind the id to the log context and log one line per request, without query string, body or personal data."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        identity = given if ACCEPTED.fullmatch(given) else uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(correlation_id=identity)
        started = time.perf_counter()
        response = self.get_response(request)
        response[HEADER] = correlation_id()
        log.info(
            "request",
            method=request.method,
            # The route, not the path: a path may contain a client's external id.
            route=request.resolver_match.route if request.resolver_match else None,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )
        return response
