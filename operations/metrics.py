"""Prometheus metrics: counted as requests and tasks end, and read from the database when somebody looks.

Several processes serve one address, so what is counted lies in files that they share (PROMETHEUS_MULTIPROC_DIR, which
`operations.gunicorn` sets before anything here is imported).
"""

import os

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from operations.figures import FiguresCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST


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
