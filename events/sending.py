"""Calls of webhooks. None goes to an address inside the institution's own network, whatever its name resolves to."""

from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

import requests
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from requests_hardened import Config, Manager
from requests_hardened.ip_filter import InvalidIPAddress, filter_host
from urllib3.exceptions import HTTPError

from core.text import line_faults
from events.messages import Message
from events.models.webhooks import MAX_URL, Delivery

CONNECT_SECONDS, ANSWER_SECONDS = 3, 10
# What is read of an answer, so that the connection can serve the next call.
MOST_READ = 64 * 1024


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a call: the status of the answer, or why there was none."""

    status: int | None
    error: str = ""

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_gone(self) -> bool:
        """Return whether the receiver says that it wants nothing any more."""
        return self.status == HTTPStatus.GONE


@cache
def _manager(*, is_private_allowed: bool) -> Manager:
    return Manager(
        Config(
            ip_filter_enable=not is_private_allowed,
            ip_filter_allow_loopback_ips=False,
            never_redirect=True,
            default_timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            user_agent_override="Kontor",
        )
    )


def new_session() -> requests.Session:
    """Return a session, whose connections serve one call after another. Each call resolves the name and checks it."""
    session = _manager(is_private_allowed=settings.WEBHOOK_ALLOW_PRIVATE).get_session()
    # No credentials of the worker's user (~/.netrc) go to a receiver.
    session.auth = lambda request: request
    return session


def call(session: requests.Session, url: str, message: Message, headers: dict[str, str]) -> Result:
    """Send a message and return what became of it. Redirects are not followed."""
    try:
        with session.post(url, data=message.body, headers=headers, stream=True) as answer:
            if len(answer.raw.read(MOST_READ + 1)) > MOST_READ:
                answer.raw.close()
            return Result(answer.status_code)
    except InvalidIPAddress:
        return Result(None, Delivery.Error.PRIVATE_NETWORK)
    except requests.Timeout:
        return Result(None, Delivery.Error.TIMEOUT)
    except requests.exceptions.SSLError:
        return Result(None, Delivery.Error.CERTIFICATE)
    except (requests.RequestException, HTTPError, OSError, ValueError):
        return Result(None, Delivery.Error.CONNECTION)


def check_url(url: str) -> None:
    """Raise ValidationError unless calls may go to the address, as far as it is known today."""
    faults = [str(fault) for fault in line_faults(url, most=MAX_URL)]
    if not faults:
        faults = _address_faults(url)
    if faults:
        raise ValidationError({"url": faults})


def _address_faults(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return [_("This is not a URL.")]
    allowed = ("https", "http") if settings.WEBHOOK_ALLOW_PRIVATE else ("https",)
    if parts.scheme not in allowed or not parts.hostname:
        return [_("The URL must begin with https:// and a host name.")]
    if parts.username is not None or parts.fragment:
        return [_("The URL must not contain a user or a fragment.")]
    if settings.WEBHOOK_ALLOW_PRIVATE:
        return []
    return _network_faults(parts, port)


def _network_faults(parts: SplitResult, port: int | None) -> list[str]:
    host = parts.hostname or ""
    try:
        filter_host(host, port or 443, allow_loopback=False)
    except InvalidIPAddress:
        return [_("The host must not be in a private network.")]
    except (requests.RequestException, ValueError):
        return [_("The host %(host)s cannot be resolved.") % {"host": host}]
    return []
