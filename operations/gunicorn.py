"""How gunicorn serves Kontor: `gunicorn -c python:operations.gunicorn config.wsgi`. The environment sets the sizes."""

import gc
import os
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from gunicorn import glogging

from core.logging import default_form, logging_config

_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - who writes there makes the names safely

bind = [f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"]
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
# Loaded once and shared by the workers; it opens no connection before they exist.
preload_app = True
timeout = int(os.environ.get("WEB_TIMEOUT", "60"))
graceful_timeout = int(os.environ.get("WEB_GRACEFUL_TIMEOUT", "15"))
keepalive = int(os.environ.get("WEB_KEEPALIVE", "5"))
# Off unless said: a worker that ends takes the requests that it just accepted with it. With it, not all at once.
max_requests = int(os.environ.get("WEB_MAX_REQUESTS", "0"))
max_requests_jitter = max_requests // 10
# Whose X-Forwarded-Proto is believed: the addresses of the proxies, or * where nobody else can reach the port.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")
# A worker touches a file to say that it is alive; on a slow disk that can take longer than it has.
worker_tmp_dir = _MEMORY
# A place of its own in the user's home, shared by all servers that the user runs.
control_socket_disable = True

# Before the workers read the settings: a query that takes longer is stopped, before the caller has given up waiting.
os.environ.setdefault("DATABASE_STATEMENT_SECONDS", "20")

# No line or header of ours is longer; bodies are cut off by the application while they are read.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190

# Before anything imports the metrics, which decide then whether they are shared.
_shared_metrics: str | None = None
if os.environ.get("METRICS_TOKEN") and not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    _shared_metrics = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="kontor-metrics-", dir=_MEMORY)

logging_config(default_form(), level=os.environ.get("LOG_LEVEL") or "INFO")


class logger_class(glogging.Logger):  # noqa: N801 - the name of gunicorn's setting
    """Gunicorn's own lines go where all others go, in their form."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log.setLevel(self.LOG_LEVELS[cfg.loglevel.lower()])
        self.error_log.propagate = True


def pre_fork(server: Any, worker: Any) -> None:
    """What is loaded by now lives as long as the process: unless the collector leaves it alone, it writes to every
    object, and the workers' memory is no longer shared."""
    gc.collect()
    gc.freeze()
    # Python's own 700 objects are those of one request or two, and hardly any are of a cycle. Not more than this: the
    # bodies of requests wait for the collector too.
    gc.set_threshold(5_000, *gc.get_threshold()[1:])


def child_exit(server: Any, worker: Any) -> None:
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        # By name: imported above, it would not have seen where the metrics are.
        import_module("prometheus_client.multiprocess").mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    if _shared_metrics is not None:
        shutil.rmtree(_shared_metrics, ignore_errors=True)
