"""ETags of details, for conditional requests: no lost updates, no resending of unchanged details.

The tag is the version plus flags for what waits for review or verification, which the response contains too: `"7"`,
`"7-re"`. If-Match compares only the version, because a pending change has not changed the details yet.
"""

import re
from collections.abc import Callable
from typing import Protocol

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from core.errors import BadRequest, PreconditionFailed

TAG = re.compile(r'(?:W/)?"([^"]*)"')
IF_MATCH_PATTERN = r'^(\*|(W/)?"[^"]*"( *, *(W/)?"[^"]*")*)$'
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": IF_MATCH_PATTERN},
    OpenApiParameter.HEADER,
    description="The ETag that was read.",
)


class Versioned(Protocol):
    """A row whose details have a version: a contact or a legal entity."""

    @property
    def version(self) -> int: ...


class ReadContact(Versioned, Protocol):
    """A contact read with its pending flags."""

    @property
    def has_pending_change_request(self) -> bool: ...

    @property
    def has_pending_email(self) -> bool: ...

    @property
    def has_pending_mobile(self) -> bool: ...


def etag(contact: ReadContact) -> str:
    """Return the ETag of the whole response to GET: version and pending flags."""
    flags = {
        "r": contact.has_pending_change_request,
        "e": contact.has_pending_email,
        "m": contact.has_pending_mobile,
    }
    waiting = "".join(flag for flag, pending in flags.items() if pending)
    return f'"{contact.version}-{waiting}"' if waiting else version_tag(contact)


def version_tag(row: Versioned) -> str:
    """Return the ETag without pending flags, for responses to changes."""
    return f'"{row.version}"'


def is_known(request: Request, tag: str) -> bool:
    """Return whether If-None-Match contains the tag."""
    asked = request.headers.get("If-None-Match", "")
    return asked.strip() == "*" or tag.strip('"') in TAG.findall(asked)


def if_match(request: Request) -> Callable[[Versioned], None]:
    """Return If-Match as a function that raises PreconditionFailed, with the current ETag, if the row does not match.

    Raises BadRequest if If-Match is not a list of entity tags.
    """
    asked = request.headers.get("If-Match", "*").strip()
    versions = {tag.partition("-")[0] for tag in TAG.findall(asked)}
    if re.fullmatch(IF_MATCH_PATTERN, asked) is None:
        raise BadRequest(_("If-Match is not an entity tag."))

    def check(row: Versioned) -> None:
        if asked != "*" and str(row.version) not in versions:
            raise PreconditionFailed(headers={"ETag": version_tag(row)})

    return check
