"""The text formats that documents are checked against.

Both JSON Schema libraries call these functions, so neither has a notion of an email of its own: what one accepts the
other accepts. Each takes any string and answers quickly, without raising.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from urllib.parse import urlsplit

MAX_EMAIL_LENGTH = 254
MAX_EMAIL_NAME_LENGTH = 64
MAX_URL_LENGTH = 2_000

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])")
_EMAIL_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# RFC 3986: what an address is written in; everything else is percent-encoded.
_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", re.IGNORECASE)


def is_date(value: str) -> bool:
    """RFC 3339 full-date, a day that exists."""
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_date_time(value: str) -> bool:
    """RFC 3339 date-time with its offset; no leap seconds, which PostgreSQL and Python cannot hold."""
    day, separator, time = value[:10], value[10:11], value[11:]
    return separator in ("T", "t") and is_date(day) and _TIME.fullmatch(time) is not None


def is_email(value: str) -> bool:
    """An address that a mail can be sent to: unquoted name, host name with at least one dot."""
    name, separator, host = value.rpartition("@")
    if not separator or len(value) > MAX_EMAIL_LENGTH or len(name) > MAX_EMAIL_NAME_LENGTH:
        return False
    return _EMAIL_NAME.fullmatch(name) is not None and "." in host and _is_host(host)


def is_web_address(value: str) -> bool:
    """An absolute http or https URI without user name or password."""
    if len(value) > MAX_URL_LENGTH or not _URL.fullmatch(value):
        return False
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if "@" in parts.netloc or not host or port == 0:
        return False
    # urlsplit has checked what stands in brackets to be an IP address.
    return parts.netloc.startswith("[") or _is_host(host)


def _is_host(host: str) -> bool:
    return len(host) <= 253 and _HOST.fullmatch(host) is not None


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date": is_date,
    "date-time": is_date_time,
    "email": is_email,
    "uri": is_web_address,
}
