"""Prometheus metrics: counters of requests and tasks, and figures read from the database on each scrape.

Several processes serve one endpoint, so counters are in shared files (PROMETHEUS_MULTIPROC_DIR, which
`operations.gunicorn` sets before this module is imported).
"""

import os

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from operations.figures import FiguresCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST

log = structlog.get_logger("kontor.metrics")


def exposition() -> bytes:
    """Return all metrics in the Prometheus text format; without the counters if their files cannot be read."""
    registry = CollectorRegistry()
    registry.register(FiguresCollector())
    return generate_latest(registry) + _counters()


def _counters() -> bytes:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    shared = CollectorRegistry()
    try:
        MultiProcessCollector(shared)
        return generate_latest(shared)
    except (OSError, ValueError):
        # The directory is gone, or goes meanwhile. The figures of the database are still worth reading.
        log.error("counters_unreadable", exc_info=True)
        return b""
