"""The correlation id: read from X-Correlation-ID or generated; sent in the response header and on every log line."""

import re
from uuid import uuid4

import structlog
from django.utils.translation import gettext as _

from core.errors import BadRequest

HEADER = "X-Correlation-ID"
ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def correlation_id() -> str:
    """Return the current request's correlation id, or a new one outside a request."""
    return structlog.contextvars.get_contextvars().get("correlation_id") or uuid4().hex


def adopt_correlation_id(identity: str) -> None:
    """Use an id from the request body from here on. Raises BadRequest if it is malformed."""
    if not ACCEPTED.fullmatch(identity):
        expected = _("Expected 1 to 128 letters, digits or any of . _ : -")
        raise BadRequest(properties={"correlationId": [expected]})
    structlog.contextvars.bind_contextvars(correlation_id=identity)
