"""Gunicorn settings: `gunicorn -c python:operations.gunicorn config.wsgi`. The environment sets the sizes.

HUP and USR2 start the server once more, from the files as they are now, on the same socket. The old one ends when the
new one answers, and stays if it does not. docs/upgrade.md says when to use which.
"""

import contextlib
import gc
import os
import shutil
import signal
import sys
import tempfile
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from gunicorn import glogging

from core.logging import default_form, default_level, logging_config

_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - the writers create unpredictable names

bind = [f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"]
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
# Loaded once, and memory is shared with the workers. Loading opens no connections, which must not be shared.
preload_app = True
timeout = int(os.environ.get("WEB_TIMEOUT", "60"))
graceful_timeout = int(os.environ.get("WEB_GRACEFUL_TIMEOUT", "15"))
keepalive = int(os.environ.get("WEB_KEEPALIVE", "5"))
# Off by default: a restarting worker drops requests that it has just accepted. Jitter spreads the restarts.
max_requests = int(os.environ.get("WEB_MAX_REQUESTS", "0"))
max_requests_jitter = max_requests // 10
# Trusted sources of X-Forwarded-Proto: the addresses of the proxies, or * if only they can reach the port.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")
# Workers touch a heartbeat file, which on a slow disk could exceed the timeout.
worker_tmp_dir = _MEMORY
# The control socket is in the user's home, where several servers of that user would conflict.
control_socket_disable = True

# Set before the workers read the settings. Cancels slow queries before the caller's timeout.
os.environ.setdefault("DATABASE_STATEMENT_SECONDS", "20")

# Our headers are shorter, and so are lines, even with many criteria in a query; the application limits bodies while
# reading them.
limit_request_line = 8190
limit_request_fields = 60
limit_request_field_size = 8190

# Set before prometheus_client is imported, which then decides whether metrics are shared.
_shared_metrics: str | None = None
if os.environ.get("METRICS_TOKEN") and not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    _shared_metrics = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="kontor-metrics-", dir=_MEMORY)

os.environ.setdefault("LOG_STREAM", "stdout")
logging_config(default_form(), level=default_level())


class logger_class(glogging.Logger):  # noqa: N801 - the name of gunicorn's setting
    """Sends gunicorn's own log through the project's logging."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log.setLevel(self.LOG_LEVELS[cfg.loglevel.lower()])
        self.error_log.propagate = True


def on_starting(server: Any) -> None:
    # Gunicorn's own HUP would start workers with the code that is loaded already.
    server.handle_hup = server.handle_usr2 = partial(_replace, server)
    # Not the path of gunicorn's file: the modules beside it have names of Python's own.
    server.START_CTX["args"] = [sys.executable, "-m", "gunicorn", *sys.argv[1:]]


def _replace(server: Any) -> None:
    if server.systemd:
        # It would take the end of this process for that of the service.
        server.log.error("Not replaced: start the unit of the other version, then stop this one.")
    else:
        server.reexec()


def pre_fork(server: Any, worker: Any) -> None:
    """Freeze loaded objects, since the garbage collector would write to them all and unshare the workers' memory."""
    gc.collect()
    gc.freeze()
    # One or two requests reach Python's default of 700 objects, few of them in cycles. Not higher: request bodies also
    # wait for the collector.
    gc.set_threshold(5_000, *gc.get_threshold()[1:])


def post_worker_init(worker: Any) -> None:
    """Let long polls end as soon as the worker is to end, and end the server that this worker's replaces.

    First, have the access log know that the worker begins.
    """
    # Imported by name: at the top, they would be imported before the settings.
    import_module("audit.access.recording").recorder.start("web")
    end_waiting = import_module("events.long_poll").end_waiting
    end = worker.handle_exit

    def terminate(number: int, frame: FrameType | None) -> None:
        end_waiting()
        end(number, frame)

    signal.signal(signal.SIGTERM, terminate)
    if predecessor := os.environ.get("GUNICORN_PID"):
        # Another worker may have been faster.
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(predecessor), signal.SIGTERM)


def worker_exit(server: Any, worker: Any) -> None:
    """Write the rest of the access log: this runs in the worker, when its last request is answered."""
    import_module("audit.access.recording").recorder.stop()


def child_exit(server: Any, worker: Any) -> None:
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        # Imported by name: at the top, it would be imported before the metrics directory is set.
        import_module("prometheus_client.multiprocess").mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    if _shared_metrics is not None:
        shutil.rmtree(_shared_metrics, ignore_errors=True)
