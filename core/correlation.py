"""The correlation id: read from X-Correlation-ID or generated; sent in the response header and on every log line.

A body may bring another one, which is any text. The answer has that one then, and the log does not: it is the caller's
text about a client, and no line of a log can be erased.
"""

import re
from contextvars import ContextVar
from urllib.parse import quote
from uuid import uuid4

import structlog

HEADER = "X-Correlation-ID"
ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,128}")
MAX_LENGTH = 128
# A header has printable ASCII; anything else is percent-encoded, as is the percent sign.
PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")

of_body: ContextVar[str | None] = ContextVar("correlation_id_of_body", default=None)


def correlation_id() -> str:
    """Return the id that the answer to the current request has, or a new one outside a request."""
    return of_body.get() or structlog.contextvars.get_contextvars().get("correlation_id") or uuid4().hex


def as_header(identity: str) -> str:
    return quote(identity, safe=PRINTABLE)
