"""The correlation id: taken from X-Correlation-ID or made, in the response header and on every log line."""

import re
import time
from collections.abc import Callable
from uuid import uuid4

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from core.errors import BadRequest

HEADER = "X-Correlation-ID"
ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,128}")

log = structlog.get_logger("kontor.request")


def correlation_id() -> str:
    """The id of the request under way; an id of its own outside of one."""
    return structlog.contextvars.get_contextvars().get("correlation_id") or uuid4().hex


def adopt_correlation_id(identity: str) -> None:
    """Go on under an id that came in the body. Raises BadRequest when it is not one."""
    if not ACCEPTED.fullmatch(identity):
        expected = _("Expected 1 to 128 letters, digits or any of . _ : -")
        raise BadRequest(properties={"correlationId": [expected]})
    structlog.contextvars.bind_contextvars(correlation_id=identity)


def name_actor(kind: str, identity: object) -> None:
    """From here on every line of the log says who is calling: the kind and the id, never a name."""
    structlog.contextvars.bind_contextvars(actor_kind=kind, actor_id=identity)


class CorrelationMiddleware:
    """Binds the id to the log context and writes one line per request: no query string, no body, no personal data."""

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
            # The route, not the path: a path may hold a client's external id.
            route=request.resolver_match.route if request.resolver_match else None,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )
        return response
