"""Rate limits per caller, counted in Valkey, which all web processes share, in at most one round trip.

Windows are fixed: `600/min` means 600 in each minute of the clock. If Valkey does not answer, every call is allowed: a
limit that protects the service must not take it down.
"""

from __future__ import annotations

import time
from functools import lru_cache
from ipaddress import ip_address
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, cast

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import ngettext
from redis import Redis
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.actor import Actor
from core import valkey
from core.errors import TooManyRequests

if TYPE_CHECKING:
    # DRF imports its default throttles while it defines this class.
    from rest_framework.views import APIView

    from accounts.views import ActorView

log = structlog.get_logger("kontor.throttling")

PERIODS = {"sec": 1, "min": 60, "hour": 3600, "day": 86400}
ANSWER_SECONDS = 0.25
# After a failure, do not ask Valkey for a while: each call would wait for the timeout.
REST_SECONDS = 5.0
# The number of callers whose portions stay in memory.
MAX_KEPT = 10_000


@lru_cache
def _valkey(url: str) -> Redis:
    return valkey.client(url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS)


@lru_cache
def parsed_rate(rate: str) -> tuple[int, int]:
    """Return (calls, seconds) of a rate such as `600/min`. Raises ValueError for an invalid rate."""
    number, _slash, period = rate.partition("/")
    if period not in PERIODS or not number.isdecimal() or not int(number):
        raise ValueError(f"{rate!r} is no rate. Write a number, a slash and one of: {', '.join(PERIODS)}.")
    return int(number), PERIODS[period]


def _key(name: str, period: int, window: int) -> str:
    return f"kontor:rate:{name}:{period}:{window}"


class Count(NamedTuple):
    """The result of counting a call. `seconds_to_wait` is 0 if the call is within the rate.

    `left` is how many more calls are, None if Valkey does not answer; `resets_in` is the seconds until the window ends.
    """

    seconds_to_wait: int
    left: int | None
    resets_in: int


class Counter:
    """Counts calls by caller, across all processes.

    While a caller is far from its limit, a process reserves a hundredth of the remaining calls at once and asks Valkey
    again when they are used up, so that most calls need no round trip. Nobody gets more than the rate. A caller whose
    calls go to several processes may get less: what the other processes have reserved and not used, at most a hundredth
    each.
    """

    def __init__(self) -> None:
        self._rests_until = 0.0
        self._lock = Lock()
        # Key of the window -> calls that this process may still allow, how many it reserves next, and how many nobody
        # had reserved when it last asked.
        self._taken: dict[str, tuple[int, int, int]] = {}

    def seconds_to_wait(self, name: str, rate: str) -> int:
        """Count a call; return 0 if it is within the rate, otherwise the seconds until the next window."""
        return self.count(name, rate).seconds_to_wait

    def count(self, name: str, rate: str) -> Count:
        """Count a call."""
        most, period = parsed_rate(rate)
        now = time.time()
        window = int(now // period)
        resets_in = max(1, round((window + 1) * period - now))
        key = _key(name, period, window)
        with self._lock:
            left, portion, rest = self._taken.get(key, (0, 1, 0))
            if left:
                self._taken[key] = left - 1, portion, rest
                return Count(0, left - 1 + rest, resets_in)
        if time.monotonic() < self._rests_until:
            return Count(0, None, resets_in)
        try:
            with _valkey(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
                pipeline.incrby(key, portion)
                pipeline.expire(key, period * 2)
                count = pipeline.execute()[0]
        except (RedisError, OSError) as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            log.warning("throttling_unavailable", error=type(error).__name__)
            return Count(0, None, resets_in)
        granted, rest = min(portion, most - (count - portion)), max(0, most - count)
        if granted <= 0:
            return Count(resets_in, 0, resets_in)
        self._keep(key, granted - 1, max(1, rest // 100), rest)
        return Count(0, granted - 1 + rest, resets_in)

    def give_back(self, name: str, rate: str) -> None:
        """Undo the count of a call: this process may allow one more."""
        _most, period = parsed_rate(rate)
        key = _key(name, period, int(time.time() // period))
        with self._lock:
            left, portion, rest = self._taken.get(key, (0, 1, 0))
            self._taken[key] = left + 1, portion, rest

    def _keep(self, key: str, left: int, portion: int, rest: int) -> None:
        with self._lock:
            if len(self._taken) >= MAX_KEPT:
                self._taken.clear()  # most belong to past windows
            self._taken[key] = self._taken.get(key, (0, 1, 0))[0] + left, portion, rest


counter = Counter()


class ActorThrottle(BaseThrottle):
    """Limits each actor to `API_RATE` calls; an empty rate means no limit."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return True, or raise TooManyRequests with Retry-After. The answer says how many calls are left."""
        rate: str = settings.API_RATE
        if not rate or request.user is None:
            return True
        seconds, left, resets_in = counter.count(cast(Actor, request.user).key, rate)
        if left is not None:
            most, period = parsed_rate(rate)
            cast("ActorView", view).rate_limit = {
                "RateLimit": f'"calls";r={left};t={resets_in}',
                "RateLimit-Policy": f'"calls";q={most};w={period}',
            }
        if seconds:
            raise _too_many(seconds)
        return True


def check_login_rate(request: HttpRequest) -> None:
    """Count a login attempt by address, for any name, so that nobody can try one password on everybody.

    Raises TooManyRequests. `forgive_login` takes a successful attempt back.
    """
    rate: str = settings.LOGIN_RATE
    seconds = counter.seconds_to_wait(_logins_from(request), rate) if rate else 0
    if seconds:
        raise _too_many(seconds)


def check_link_rate(request: HttpRequest) -> None:
    """Count an address that asks for a link to set a password, for any name. Raises TooManyRequests."""
    rate: str = settings.PASSWORD_LINK_RATE
    seconds = counter.seconds_to_wait(f"link:{client_address(request)}", rate) if rate else 0
    if seconds:
        raise _too_many(seconds)


def forgive_login(request: HttpRequest) -> None:
    """Take a successful attempt back.

    Otherwise users behind a shared address, or an application's server that gets tokens for all its users, would run
    into the limit.
    """
    rate: str = settings.LOGIN_RATE
    if rate:
        counter.give_back(_logins_from(request), rate)


def _logins_from(request: HttpRequest) -> str:
    return f"login:{client_address(request)}"


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address; behind a proxy, the one that the proxy itself saw and appended last."""
    if settings.BEHIND_PROXY and (forwarded := request.headers.get("X-Forwarded-For")):
        return _address(forwarded.rpartition(",")[2])
    return _address(str(request.META.get("REMOTE_ADDR", "")))


def _address(text: str) -> str | None:
    """Return the address if it is valid, else None: a Unix socket has none."""
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
