"""Calls of webhooks. None goes to an address inside the institution's own network, whatever its name resolves to."""

import os
import socket
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from requests_hardened import Config, Manager
from requests_hardened.ip_filter import InvalidIPAddress, filter_host
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from core.text import line_faults
from events.messages import Message
from events.models.webhooks import MAX_URL, Delivery

# How long it may take to connect, and then to wait for each part of the answer; how long a call may take in all.
CONNECT_SECONDS, ANSWER_SECONDS, CALL_SECONDS = 3, 10, 10
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


class Line:
    """Connections to a receiver, for one call at a time. They serve one call after another.

    Each call resolves the name and checks the address to which it then connects. Another thread may cut it off: no
    limit of a socket ends a call whose answer comes byte by byte.
    """

    def __init__(self) -> None:
        self._session = _manager(is_private_allowed=settings.WEBHOOK_ALLOW_PRIVATE).get_session()
        # No credentials of the worker's user (~/.netrc) go to a receiver.
        self._session.auth = lambda request: request
        for adapter in self._session.adapters.values():
            adapter.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    def call(self, url: str, message: Message, headers: dict[str, str]) -> Result:
        """Send a message and return what became of it. Redirects are not followed."""
        _current.set(self)
        try:
            result = self._call(url, message, headers)
        finally:
            self._hold(None)
        return Result(None, Delivery.Error.TIMEOUT) if self._is_cut else result

    def _call(self, url: str, message: Message, headers: dict[str, str]) -> Result:
        try:
            with self._session.post(url, data=message.body, headers=headers, stream=True) as answer:
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

    def cut(self) -> None:
        """Have the call end now, and every later one at once, with a timeout."""
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                # The receiver may have closed it.
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._session.close()

    def hold(self, connected: socket.socket) -> None:
        """Note over what the call goes. Raises TimeoutError if it has been cut off."""
        # A second descriptor: TLS takes the first one over, and an answer may outlive its connection's.
        self._hold(socket.socket(fileno=os.dup(connected.fileno())))
        if self._is_cut:
            raise TimeoutError

    def _hold(self, connected: socket.socket | None) -> None:
        with self._lock:
            former, self._socket = self._socket, connected
        if former is not None:
            former.close()


# The line of the call that this thread makes.
_current: ContextVar[Line] = ContextVar("line")


class _Connection(HTTPConnection):
    """A connection that lets the line of each call know its socket."""

    def _new_conn(self) -> socket.socket:
        # Before TLS: its handshake too may come byte by byte.
        connected = super()._new_conn()
        _current.get().hold(connected)
        return connected

    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is not None:
            _current.get().hold(self.sock)
        super().request(*args, **options)


class _SecureConnection(_Connection, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


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
