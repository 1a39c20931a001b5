"""The correlation id: taken from X-Correlation-ID or made, in the response header and on every log line."""

import re
from uuid import uuid4

import structlog
from django.utils.translation import gettext as _

from core.errors import BadRequest

HEADER = "X-Correlation-ID"
ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,128}")


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
