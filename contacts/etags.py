"""Entity tags of details: lost updates are refused, unchanged details are not sent again.

The tag is the version, followed by what waits for review or verification, which is part of the answer too: `"7"`,
`"7-re"`. If-Match compares the version alone, because a change that waits has not changed the details yet.
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
    """A row whose details are counted: a contact, a legal entity."""

    @property
    def version(self) -> int: ...


class ReadContact(Versioned, Protocol):
    """A contact that was selected with its pending flags."""

    @property
    def has_pending_change_request(self) -> bool: ...

    @property
    def has_pending_email(self) -> bool: ...

    @property
    def has_pending_mobile(self) -> bool: ...


def etag(contact: ReadContact) -> str:
    """The tag of what a reader gets."""
    flags = {
        "r": contact.has_pending_change_request,
        "e": contact.has_pending_email,
        "m": contact.has_pending_mobile,
    }
    waiting = "".join(flag for flag, pending in flags.items() if pending)
    return f'"{contact.version}-{waiting}"' if waiting else version_tag(contact)


def version_tag(row: Versioned) -> str:
    """The tag of what a change is made against."""
    return f'"{row.version}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether If-None-Match names the tag of what the caller would get."""
    asked = request.headers.get("If-None-Match", "")
    return asked.strip() == "*" or tag.strip('"') in TAG.findall(asked)


def if_match(request: Request) -> Callable[[Versioned], None]:
    """The request's precondition on the locked row; it raises PreconditionFailed with the current ETag.

    Raises BadRequest for an If-Match that is no list of entity tags.
    """
    asked = request.headers.get("If-Match", "*").strip()
    versions = {tag.partition("-")[0] for tag in TAG.findall(asked)}
    if re.fullmatch(IF_MATCH_PATTERN, asked) is None:
        raise BadRequest(_("If-Match is not an entity tag."))

    def check(row: Versioned) -> None:
        if asked != "*" and str(row.version) not in versions:
            raise PreconditionFailed(headers={"ETag": version_tag(row)})

    return check
