"""The address of the queue and cache: one server, or Sentinels that know which server is the primary.

REDIS_URL is a URL of redis-py (`redis://`, `rediss://`, `unix://`), or names Sentinels, all of them in one URL:

    sentinel://:password@host-a:26379,host-b:26379,host-c:26379/0?service=kontor&sentinel_password=...

Name and password before the @ are those of the servers, `sentinel_password` is that of the Sentinels.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from redis import Redis
from redis.sentinel import Sentinel, SentinelConnectionPool

SCHEME = "sentinel"
PORT = 26379
_PARAMETERS = frozenset({"service", "sentinel_password"})


@dataclass(frozen=True)
class Sentinels:
    """What a URL of Sentinels says. Name and passwords are empty where there are none."""

    hosts: tuple[tuple[str, int], ...]
    service: str
    database: int
    username: str
    password: str
    sentinel_password: str

    def manager(self, **options: Any) -> Sentinel:
        """Return a client of the Sentinels. The options, such as time limits, hold for them and for the servers."""
        login = {"username": self.username or None, "password": self.password or None}
        return Sentinel(
            list(self.hosts),
            sentinel_kwargs={**_time_limits(options), "password": self.sentinel_password or None},
            **login,
            db=self.database,
            **options,
        )


def sentinels(url: str) -> Sentinels | None:
    """Return the Sentinels that a URL names; None if it names a server. Raises ValueError for what it cannot mean."""
    parts = urlsplit(url)
    if parts.scheme != SCHEME:
        return None
    login, _at, hosts = parts.netloc.rpartition("@")
    username, _colon, password = login.partition(":")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := query.keys() - _PARAMETERS:
        raise ValueError(f"REDIS_URL: a URL of Sentinels has no {', '.join(sorted(unknown))}.")
    database = parts.path.strip("/") or "0"
    if not query.get("service") or not hosts or not database.isdecimal():
        raise ValueError("REDIS_URL: write sentinel://:password@host:26379,host:26379/0?service=name")
    return Sentinels(
        hosts=tuple(map(_host, hosts.split(","))),
        service=query["service"],
        database=int(database),
        username=unquote(username),
        password=unquote(password),
        sentinel_password=query.get("sentinel_password", ""),
    )


def client(url: str, **options: Any) -> Redis:
    """Return a client of the server, or of whichever is the primary when it connects. Its calls raise RedisError."""
    found = sentinels(url)
    if found is None:
        return Redis.from_url(url, **options)
    primary: Redis = found.manager(**options).master_for(found.service)
    return primary


class CachePool(SentinelConnectionPool):
    """The connections of Django's cache to the primary."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Any:
        found = sentinels(url)
        if found is None:
            raise ValueError(f"{SCHEME}:// is expected.")
        manager = found.manager(**options)
        return cls(found.service, manager, **manager.connection_kwargs)


def cache_options(url: str, **options: Any) -> dict[str, Any]:
    """Return the options with which Django's cache reaches the URL."""
    return {**options, "pool_class": f"{__name__}.{CachePool.__name__}"} if sentinels(url) else options


def broker(url: str, **options: Any) -> tuple[str, dict[str, Any]]:
    """Return the URL and the transport options with which Celery reaches the URL."""
    found = sentinels(url)
    if found is None:
        # Celery spells a server on a unix socket in a way of its own.
        return re.sub("^unix://", "redis+socket://", url), options
    login = f"{quote(found.username, safe='')}:{quote(found.password, safe='')}@" if found.password else ""
    hosts = [(f"[{host}]" if ":" in host else host, port) for host, port in found.hosts]
    urls = [f"{SCHEME}://{login}{host}:{port}/{found.database}" for host, port in hosts]
    password = {"password": found.sentinel_password} if found.sentinel_password else {}
    own = {"master_name": found.service, "sentinel_kwargs": {**_time_limits(options), **password}}
    return ";".join(urls), {**options, **own}


def _host(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("REDIS_URL: a Sentinel has no host.")
    return parts.hostname, parts.port or PORT


def _time_limits(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name.startswith("socket_")}
