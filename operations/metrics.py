"""Prometheus metrics: counters of requests and tasks, and figures read from the database on each scrape.

Several processes serve one endpoint, so counters are in shared files (PROMETHEUS_MULTIPROC_DIR, which
`operations.gunicorn` sets before this module is imported).
"""

import os

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from operations.figures import FiguresCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST


def exposition() -> bytes:
    """Return all metrics in the Prometheus text format."""
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
