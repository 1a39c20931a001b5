"""Liveness and readiness of this process.

Probes run in threads with a time limit, since network storage may hang for minutes. The endpoints are public, so
answers are cached for a second and contain no details: the reasons go to the log.
"""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock

import structlog

from operations import probes

PATIENCE_SECONDS = 3.0
FRESH_SECONDS = 1.0
OK, FAILED, SILENT = "ok", "failed", "no answer"

PROBES: Mapping[str, Callable[[], None]] = {
    "database": probes.probe_database,
    "migrations": probes.probe_migrations,
    "queue": probes.probe_queue,
    "storage": probes.probe_storage,
}

log = structlog.get_logger("kontor.health")


@dataclass
class _Run:
    """A run of a probe; `outcome` is None while it runs."""

    outcome: str | None = None
    ended: float = 0.0


class Readiness:
    """The probes of this process. Each has at most one run at a time, shared by concurrent requests."""

    def __init__(self, checks: Mapping[str, Callable[[], None]] = PROBES) -> None:
        self._checks = checks
        self._lock = Lock()
        self._runs: dict[str, tuple[_Run, Future[None]]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def outcomes(self) -> dict[str, str]:
        """Return `{"database": "ok", ...}` within `PATIENCE_SECONDS`; concurrent calls share the runs."""
        with self._lock:
            # Created lazily, because threads do not survive the fork of a worker.
            self._pool = self._pool or ThreadPoolExecutor(len(self._checks), thread_name_prefix="probe")
            now = time.monotonic()
            for name in self._checks:
                if self._is_due(name, now):
                    run = _Run()
                    self._runs[name] = run, self._pool.submit(self._run, name, run)
            runs = dict(self._runs)
        wait([future for _run, future in runs.values()], timeout=PATIENCE_SECONDS)
        return {name: runs[name][0].outcome or SILENT for name in self._checks}

    def _is_due(self, name: str, now: float) -> bool:
        """Return whether the probe is neither running nor fresh."""
        if name not in self._runs:
            return True
        run, _future = self._runs[name]
        return run.outcome is not None and now - run.ended >= FRESH_SECONDS

    def _run(self, name: str, run: _Run) -> None:
        try:
            self._checks[name]()
        except Exception as error:
            log.warning("not_ready", probe=name, error=type(error).__name__, reason=str(error).strip())
            outcome = FAILED
        else:
            outcome = OK
        run.ended = time.monotonic()
        run.outcome = outcome


def is_ready(outcomes: Mapping[str, str], *, required: Collection[str]) -> bool:
    """Return whether all required probes are ok."""
    return all(outcomes[name] == OK for name in required)
