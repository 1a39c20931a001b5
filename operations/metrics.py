"""Prometheus metrics: counted as requests and tasks end, and read from the database when somebody looks.

Several processes serve one address, so what is counted lies in files that they share (PROMETHEUS_MULTIPROC_DIR, which
`operations.gunicorn` sets before anything here is imported).
"""

import os
from functools import cache

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from operations.figures import FiguresCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST

_REQUESTS = Counter(
    "kontor_requests", "Requests that were answered, by route and status.", ["method", "route", "status"]
)
_SECONDS = Histogram(
    "kontor_request_seconds",
    "Seconds until a request was answered, by route.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_request(*, method: str, route: str | None, status: int, seconds: float) -> None:
    """Count an answered request. Addresses without a route are one, so that nobody can make up rows without end."""
    counter, histogram = _rows(method if method in _METHODS else "other", route, status)
    counter.inc()
    histogram.observe(seconds)


@cache
def _rows(method: str, route: str | None, status: int) -> tuple[Counter, Histogram]:
    labels = method, "none" if route is None else f"/{route.lstrip('^/')}"
    return _REQUESTS.labels(*labels, str(status)), _SECONDS.labels(*labels)


def exposition() -> bytes:
    """The page that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(FiguresCollector())
    pages = [generate_latest(registry)]
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shared = CollectorRegistry()
        MultiProcessCollector(shared)
        pages.append(generate_latest(shared))
    else:
        pages.append(generate_latest(REGISTRY))
    return b"".join(pages)
