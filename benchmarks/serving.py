"""Serving of all servers by gunicorn with the same settings."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.place import ENVIRONMENT, PLACE, ROOT

WORKERS = 2
START_SECONDS = 30


@contextmanager
def serving(
    application: str,
    *,
    environment: Mapping[str, str],
    name: str,
    checkout: Path = ROOT,
    settings: str = "operations.gunicorn",
) -> Iterator[int]:
    """Serve a WSGI application within the block and yield its port. Logs to a file.

    `checkout` has the code; `settings` is the module with gunicorn's settings there.
    """
    port = _free_port()
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout), **ENVIRONMENT, **environment}
    variables |= {"PORT": str(port), "WEB_CONCURRENCY": str(WORKERS)}
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        f"python:{settings}",
        "--log-level",
        "warning",
        application,
    ]
    with (PLACE / f"{name}.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=checkout, env=variables, stdout=log, stderr=log)
        try:
            _await(server, port, name)
            yield port
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _await(server: subprocess.Popen[bytes], port: int, name: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            # Any response will do. Django imports its views on each worker's first request, which may take seconds.
            for _worker in range(WORKERS * 4):
                answered = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
                answered.request("GET", "/contacts/0")
                answered.getresponse().read()
                answered.close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{name} does not start; see {PLACE / f'{name}.log'}")
