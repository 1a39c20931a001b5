"""How often a caller may call: counted in Valkey, which all web processes share, in one round trip or none.

The count is of fixed windows: `600/min` are 600 in each minute of the clock. Where Valkey does not answer everybody may
call: a limit that protects the service must not take it down.
"""

from __future__ import annotations

import time
from functools import lru_cache
from ipaddress import ip_address
from threading import Lock
from typing import TYPE_CHECKING, cast

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import ngettext
from redis import Redis
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.actor import Actor
from accounts.idempotency import caller_name
from core.errors import TooManyRequests

if TYPE_CHECKING:
    # DRF imports its default throttles while it defines this very class.
    from rest_framework.views import APIView

log = structlog.get_logger("kontor.throttling")

PERIODS = {"sec": 1, "min": 60, "hour": 3600, "day": 86400}
ANSWER_SECONDS = 0.25
# After a failure nobody asks Valkey for a while: each would wait in vain.
REST_SECONDS = 5.0
# Callers whose portions are kept in memory.
MAX_KEPT = 10_000


@lru_cache
def _valkey(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS)


@lru_cache
def parsed_rate(rate: str) -> tuple[int, int]:
    """How many calls in how many seconds: `600/min`. Raises ValueError for anything else."""
    number, _slash, period = rate.partition("/")
    if period not in PERIODS or not number.isdecimal() or not int(number):
        raise ValueError(f"{rate!r} is no rate. Write a number, a slash and one of: {', '.join(PERIODS)}.")
    return int(number), PERIODS[period]


def _key(name: str, period: int, window: int) -> str:
    return f"kontor:rate:{name}:{period}:{window}"


class Counter:
    """Counts calls of named callers; the same in all processes.

    While a caller is far from its limit, a process takes a hundredth of what is left at once, and asks again when that
    is used up: most calls ask nobody. Nobody gets more than the rate. A caller whose calls go to several processes may
    get less by what the others have taken and not used, a hundredth at most for each.
    """

    def __init__(self) -> None:
        self._rests_until = 0.0
        self._lock = Lock()
        # Key of the window -> calls that this process may still let through, and how many it takes next.
        self._taken: dict[str, tuple[int, int]] = {}

    def seconds_to_wait(self, name: str, rate: str) -> int:
        """Count a call; 0 when it is within the rate, else when the next window begins."""
        most, period = parsed_rate(rate)
        now = time.time()
        window = int(now // period)
        key = _key(name, period, window)
        with self._lock:
            left, portion = self._taken.get(key, (0, 1))
            if left:
                self._taken[key] = left - 1, portion
                return 0
        if time.monotonic() < self._rests_until:
            return 0
        try:
            with _valkey(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
                pipeline.incrby(key, portion)
                pipeline.expire(key, period * 2)
                count = pipeline.execute()[0]
        except (RedisError, OSError) as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            log.warning("throttling_unavailable", error=type(error).__name__)
            return 0
        granted = min(portion, most - (count - portion))
        if granted <= 0:
            return max(1, round((window + 1) * period - now))
        self._keep(key, granted - 1, max(1, (most - count) // 100))
        return 0

    def give_back(self, name: str, rate: str) -> None:
        """A call that was counted is not to count after all: this process may let through one more."""
        _most, period = parsed_rate(rate)
        key = _key(name, period, int(time.time() // period))
        with self._lock:
            left, portion = self._taken.get(key, (0, 1))
            self._taken[key] = left + 1, portion

    def _keep(self, key: str, left: int, portion: int) -> None:
        with self._lock:
            if len(self._taken) >= MAX_KEPT:
                self._taken.clear()  # most are of windows that are over
            self._taken[key] = self._taken.get(key, (0, 1))[0] + left, portion


counter = Counter()


class ActorThrottle(BaseThrottle):
    """At most `API_RATE` calls of each actor; an empty rate is no limit."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """True, or raises TooManyRequests, which says when to come back."""
        rate: str = settings.API_RATE
        if not rate or request.user is None:
            return True
        seconds = counter.seconds_to_wait(caller_name(cast(Actor, request.user)), rate)
        if seconds:
            raise _too_many(seconds)
        return True


def check_login_rate(request: HttpRequest) -> None:
    """Count an attempt to log in from an address, whatever the name: one password is not tried on everybody.

    Raises TooManyRequests. An attempt that succeeded is taken back by `forgive_login`.
    """
    rate: str = settings.LOGIN_RATE
    seconds = counter.seconds_to_wait(_logins_from(request), rate) if rate else 0
    if seconds:
        raise _too_many(seconds)


def forgive_login(request: HttpRequest) -> None:
    """The password or the secret was right: a house whose staff share an address, or the server of an application that
    gets tokens for all its users, is not held up."""
    rate: str = settings.LOGIN_RATE
    if rate:
        counter.give_back(_logins_from(request), rate)


def _logins_from(request: HttpRequest) -> str:
    return f"login:{client_address(request)}"


def client_address(request: HttpRequest) -> str | None:
    """Where the request comes from: behind a proxy, the address that the proxy itself saw and added last."""
    if settings.BEHIND_PROXY and (forwarded := request.headers.get("X-Forwarded-For")):
        return _address(forwarded.rpartition(",")[2])
    return _address(str(request.META.get("REMOTE_ADDR", "")))


def _address(text: str) -> str | None:
    """The address when it is one: a socket has none."""
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        return None


def _too_many(seconds: int) -> TooManyRequests:
    text = ngettext(
        "Too many requests. Try again in %(seconds)s second.",
        "Too many requests. Try again in %(seconds)s seconds.",
        seconds,
    )
    return TooManyRequests(text % {"seconds": seconds}, headers={"Retry-After": str(seconds)})
