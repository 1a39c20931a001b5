"""Format checks for JSON Schema.

Both JSON Schema libraries use these functions instead of their own, so that they agree. Each accepts any string, is
fast and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

from core.text import is_one_line
from schemas.phones import REGIONS, is_mobile, is_phone, region_or_default

ONE_LINE = "one-line"
MAX_EMAIL_LENGTH = 254
MAX_EMAIL_NAME_LENGTH = 64
MAX_URL_LENGTH = 2_000

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])")
_EMAIL_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# The characters that RFC 3986 allows; all others must be percent-encoded.
_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", re.IGNORECASE)


def is_date(value: str) -> bool:
    """Return whether the text is an RFC 3339 full-date of an existing day."""
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_date_time(value: str) -> bool:
    """Return whether the text is an RFC 3339 date-time. No leap seconds: Python and PostgreSQL cannot store them."""
    day, separator, time = value[:10], value[10:11], value[11:]
    return separator in ("T", "t") and is_date(day) and _TIME.fullmatch(time) is not None


def is_email(value: str) -> bool:
    """Return whether the text is a deliverable email address: unquoted ASCII local part, host name with a dot."""
    name, separator, host = value.rpartition("@")
    if not separator or len(value) > MAX_EMAIL_LENGTH or len(name) > MAX_EMAIL_NAME_LENGTH:
        return False
    # The library takes twenty times as long for the addresses that nearly everybody has.
    if value.isascii():
        return _EMAIL_NAME.fullmatch(name) is not None and "." in host and _is_host(host)
    try:
        validate_email(value, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return False
    return True


def is_web_address(value: str) -> bool:
    """Return whether the text is an absolute http or https URI without user info."""
    if len(value) > MAX_URL_LENGTH or not _URL.fullmatch(value):
        return False
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if "@" in parts.netloc or not host or port == 0:
        return False
    # urlsplit has validated the IP address in brackets.
    return parts.netloc.startswith("[") or _is_host(host)


def _is_host(host: str) -> bool:
    return len(host) <= 253 and _HOST.fullmatch(host) is not None


def phone_format(kind: str, region: str | None) -> str:
    """Return the name of the format of phone or mobile numbers that are dialled in a region."""
    return f"{kind}-{region_or_default(region)}"


PLAIN_FORMATS: Mapping[str, Callable[[str], bool]] = {
    ONE_LINE: is_one_line,
    "date": is_date,
    "date-time": is_date_time,
    "email": is_email,
    "uri": is_web_address,
}
FORMATS: Mapping[str, Callable[[str], bool]] = {
    **PLAIN_FORMATS,
    **{
        phone_format(kind, region): partial(check, region)
        for kind, check in (("phone", is_phone), ("mobile", is_mobile))
        for region in REGIONS
    },
}
